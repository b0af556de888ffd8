"""What every mail of ours has in common: its envelope, the top of its header, and a Message-ID that a repetition shares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailproc.answers import fields
from mailproc.answers.answering import Answering
from mailproc.answers.permission import wire_address


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail for the outbox: the envelope (``reverse_path`` "" is the null path) and the bytes, all 7bit in CRLF lines."""

    reverse_path: str
    recipient: str
    message_id: str
    raw: bytes
    answer: bool


def head(answering: Answering, recipient: str, subject: str, message_id: str, now: datetime) -> Sequence[bytes]:
    """The fields on top; ``recipient`` is the bare address, for a display name is the sender's words."""
    return (
        fields.mailbox("From", answering.display_name, str(wire_address(answering.address))),
        fields.exact("To", recipient),
        fields.text("Subject", subject),
        fields.date(now),
        fields.exact("Message-ID", message_id),
        fields.exact("X-Loop", answering.mark),
        fields.exact("MIME-Version", "1.0"),
    )


def message_id_of(answering: Answering, *about: str) -> str:
    """The same for the same mail about the same thing: who gets it twice after a crash can tell that it is one."""
    digest = hashlib.sha256("\n".join(about).encode("utf-8", "backslashreplace")).hexdigest()
    return f"<mailproc.{digest[:32]}@{answering.domain}>"
