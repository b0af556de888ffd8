"""A mail of our own that nobody's mail has brought about: to the administrator."""

from __future__ import annotations

from datetime import datetime

from mailproc.address import Address
from mailproc.answers import fields
from mailproc.answers.answering import Answering
from mailproc.answers.composed import Composed, head, message_id_of
from mailproc.answers.entities import text_part
from mailproc.answers.permission import wire_address
from mailproc.answers.plaintext import clean
from mailproc.answers.sendable import Unsendable


def compose_notice(answering: Answering, to: str, subject: str, text: str, *, serial: str, now: datetime) -> Composed:
    """A plain text to ``to``; ``serial`` makes the Message-ID, so that the same notice sent twice can be known for one.

    Failures to deliver it come back to our From address. Raises `Unsendable` for an address that is none.
    """
    recipient = wire_address(Address.parse(to))
    if recipient is None:
        raise Unsendable(f"no mail can be sent to {to!r}")
    message_id = message_id_of(answering, serial)
    raw = b"".join(
        [
            *head(answering, recipient, subject, message_id, now),
            fields.exact("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
            text_part(clean(text)),
        ]
    )
    return Composed(str(wire_address(answering.address)), recipient, message_id, raw, answer=False)
