"""Whether a message may be answered at all: decided once, at its end, from facts alone (RFC 3834 section 2).

Answering is the dangerous half of reading mail: an answer to the wrong address is backscatter, one to a machine is a
loop, many to one address are a bomb. So an answer goes only to a person whom we know, at the address that we know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from mailproc.address import Address

RATE_LIMIT = 20  # answers to one address in RATE_WINDOW: more than a person reads, far less than a loop makes
RATE_WINDOW = timedelta(minutes=60)
LONGEST_ADDRESS = 254  # octets: what a path of RFC 5321 section 4.5.3.1.3 holds without its angle brackets

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def may_answer(
    *,
    author: Address | None,
    user_active: bool | None,
    reverse_path: str | None,
    from_a_person: bool,
    suppressed: bool,
    ours: Callable[[Address], bool],
    recent: int,
    limit: int = RATE_LIMIT,
) -> str | None:
    """None when the message may be answered, else the reason why not, in stable words for the ledger.

    ``author`` is the single From address, None unless there is exactly one; Reply-To is never asked. ``user_active`` is
    None when the address belongs to no user. A ``reverse_path`` of ``""`` forbids, an unknown one (None) does not.
    ``suppressed`` says that X-Auto-Response-Suppress asks for silence ([MS-OXCMAIL] 2.1.3.2.20); ``ours`` knows the
    addresses that lead back to us; ``recent`` is how many answers went to this address in the last `RATE_WINDOW`.
    """
    checks = (
        (reverse_path == "", "null reverse path"),  # RFC 5321 section 4.5.5, RFC 3834 section 2
        (not from_a_person, "not from a person"),
        (suppressed, "X-Auto-Response-Suppress"),
        (author is None, "no single author"),
        (author is not None and wire_address(author) is None, "address cannot be written to"),
        (author is not None and ours(author), "our own address"),
        (user_active is None, "unknown sender"),  # RFC 3834 section 2: a forged From makes us write to a stranger
        (user_active is False, "inactive user"),
        (recent >= limit, "rate"),
    )
    return next((f"answer suppressed: {reason}" for forbids, reason in checks if forbids), None)


def wire_address(address: Address) -> str | None:
    """``address`` as it stands in a mail and in RCPT, all ASCII; None when we do not write to it.

    The domain goes out as A-labels (RFC 5891). A quoted local part is refused, because what quotes it again may aim it
    elsewhere, and one that is not ASCII would need SMTPUTF8 (RFC 6531) on the whole way.
    """
    if not _DOT_STRING.fullmatch(address.local) or len(address.domain) > LONGEST_ADDRESS:
        return None
    try:
        domain = address.domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    written = f"{address.local}@{domain}"
    return written if _DOMAIN.fullmatch(domain) and len(written) <= LONGEST_ADDRESS else None
