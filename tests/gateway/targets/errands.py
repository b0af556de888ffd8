"""Errands of one's own, tried as often as it takes, whose notes last as those in the database do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage

from mailproc import Errand
from mailproc.gateway.posting import File, Posting
from mailproc.gateway.targets.target import Target
from mailproc.reading import read_message


@dataclass
class Tries:
    """One errand that is to carry out ``post``; ``progress`` is what was noted, ``history`` every note in its order."""

    post: Posting
    raw: bytes = b"Subject: hello\n\nhello\n"
    id: str = "r7.gateway.0"
    progress: dict[str, object] = field(default_factory=dict)
    history: list[tuple[str, object]] = field(default_factory=list)
    attempt: int = 0
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def at(self, target: Target) -> str:
        """Try it once more."""
        self.attempt += 1
        errand = self.errand()
        return target.carry_out(Posting.of(errand.payload), errand)

    def errand(self) -> Errand:
        """The errand as a handler gets it."""
        payload: Mapping[str, object] = json.loads(json.dumps(self.post.payload()))
        log = logging.LoggerAdapter(logging.getLogger("mailproc.test"), {})
        uncertain = self.attempt > 1
        return Errand(
            self.id, payload, self.progress, self.attempt, uncertain, self.created_at, log, lambda: self.raw, self._note
        )

    def _note(self, name: str, value: object) -> None:
        self.progress[name] = json.loads(json.dumps(value))
        self.history.append((name, value))


def mail_with(files: Iterable[tuple[str, bytes]]) -> tuple[bytes, tuple[File, ...]]:
    """A mail with these files, and the files as the handler finds them."""
    mail = EmailMessage()
    mail["Subject"] = "Files"
    mail["Message-ID"] = "<files@example.org>"
    mail["Date"] = "Fri, 06 Nov 2026 10:00:00 +0000"
    mail.set_content("See the files.\n")
    for name, content in files:
        mail.add_attachment(content, maintype="image", subtype="png", filename=name)
    raw = mail.as_bytes()
    return raw, files_of(raw)


def files_of(raw: bytes) -> tuple[File, ...]:
    """The files of a mail as the handler finds them."""
    found = read_message(raw).attachments
    return tuple(File(index, each.safe_name, each.type, each.size) for index, each in enumerate(found))
