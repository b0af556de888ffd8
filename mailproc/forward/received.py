"""What a mail that goes on has on top: our Received (RFC 5321 section 4.4) and our mark; and what says that it circles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mailproc import Delivery
from mailproc.forward.paths import is_address
from mailproc.rawmail import RawMail
from mailproc.reading import Header

# RFC 5321 section 6.3 asks for at least a hundred; mail that arrives has passed far fewer. Screening and doors have the same.
MAX_RECEIVED = 50
CIRCLES = (554, "5.4.6")  # RFC 3463 section 3.5: routing loop detected

_PROTOCOLS = {"smtp": "SMTP", "lmtp": "LMTP"}  # by the entrance
_WORD = re.compile(r"[!-'*-:<-~]{1,255}")  # no blanks, and nothing that begins a comment or the date


@dataclass(frozen=True, slots=True)
class Hop:
    """What our Received says: the host that it is ``by``, the ``protocol`` (``SMTP``, ``LMTP``, or "") and the ``id``.

    Raises ValueError for a word that would be read as something else.
    """

    by: str
    id: str
    protocol: str = ""

    def __post_init__(self) -> None:
        for name in ("by", "id", "protocol"):
            word = getattr(self, name)
            if not _WORD.fullmatch(word) and (word or name != "protocol"):
                raise ValueError(f"{name}: {word!r} cannot stand in a Received field")


def hop_of(delivery: Delivery, by: str) -> Hop:
    """The hop of a mail that came to the host ``by``."""
    return Hop(by, delivery.id, _PROTOCOLS.get(delivery.entrance, ""))


def received(hop: Hop, recipients: Sequence[str], now: datetime) -> str:
    """The value of our Received field.

    It names the recipient only where there is just one, for it would tell each of them who got a blind copy; and never the
    client, whom a handler does not know.
    """
    protocol = f" with {hop.protocol}" if hop.protocol else ""
    alone = len(recipients) == 1 and is_address(recipients[0])
    named = f" for <{recipients[0]}>" if alone else ""
    return f"from unknown by {hop.by} (mailproc){protocol} id {hop.id}{named}; {format_datetime(now)}"


def circles(header: Header, list_address: str) -> str | None:
    """Why this mail goes in circles, one line for its sender, or None. The reply to it is `CIRCLES`."""
    hops = len(header.all("Received"))
    if hops > MAX_RECEIVED:
        return f"The mail goes in circles: it has {hops} Received fields."
    marks = {value.strip().lower() for value in header.all("X-Loop")}
    if list_address.lower() in marks:
        return f"The mail goes in circles: {list_address} has sent it on before."
    return None


def marked(mail: RawMail, list_address: str) -> RawMail:
    """The mail with the mark that `circles` knows, above those of other lists.

    It is there even where a signature forbids the field: else such a mail would circle up to `MAX_RECEIVED` times.
    """
    return mail.on_top("X-Loop", list_address)
