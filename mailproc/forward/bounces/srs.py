"""The Sender Rewriting Scheme: a reverse path in our domain, so that SPF fits, which leads back to the sender.

An address says whom it stands for, the day on which it was made and a hash of both that takes our secret, as in
``SRS0=hash=day=example.com=ann@lists.example.org``: whoever has none of ours cannot have us pass mail on to anybody.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

from mailproc import Address
from mailproc.forward.paths import fits_into_local_part

LOOKS = re.compile(r"SRS[01][-+=]", re.IGNORECASE)  # how a local part of this scheme begins

HASH_LENGTH = 8  # characters: 40 bits, for tries that cost a mail each
VALID_DAYS = 21  # a relay gives up after five days at the most (RFC 5321 section 4.5.4.1), and then somebody is on holiday

MISSING = "srslib is not installed; type: pip install 'srslib>=0.1.5'"

_FIRST_HOP = re.compile(r"SRS[01][-+=]([^=]*)=", re.IGNORECASE)
_LONGEST_LOCAL, _LONGEST = 64, 254  # octets of a local part, and of an address in a path (RFC 5321 section 4.5.3.1)


class NotOurs(ValueError):
    """An address of the scheme that we did not make, or not lately: permanent; the text says why."""


def installed() -> bool:
    """Whether the library is there: the extra ``forward``."""
    return find_spec("srslib") is not None


def rewritten(path: str, domain: str, secret: str) -> str | None:
    """The reverse path in ``domain`` that stands for ``path``; None where none can.

    One that was rewritten by another forwarder before leads to the first of them (SRS1), so that it does not grow with each.
    """
    if not fits_into_local_part(path):
        return None
    found: str = _scheme(secret).forward(path, domain)
    return found if len(found) <= _LONGEST and found.rindex("@") <= _LONGEST_LOCAL else None


def original(recipient: Address, secret: str) -> Address:
    """Whom an address of ours stands for: the sender, or the forwarder who was first; raises `NotOurs`."""
    import srslib

    hashed = _FIRST_HOP.match(recipient.local)
    # The library compares as many characters as the address brings along, be it one.
    if hashed is None or len(hashed[1]) != HASH_LENGTH:
        raise NotOurs("it bears no hash of ours")
    try:
        return Address.parse(_scheme(secret).reverse(str(recipient)))
    except srslib.InvalidTimestampError:
        raise NotOurs(f"it is older than {VALID_DAYS} days") from None
    except srslib.Error:
        raise NotOurs("its hash is not ours") from None


def _scheme(secret: str):  # type: ignore[no-untyped-def]
    import srslib

    return srslib.SRS(secret, validity_days=VALID_DAYS, hash_length=HASH_LENGTH)
