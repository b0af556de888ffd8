"""Looking at a mail with the real decisions, changing nothing: what ``inspect`` and a dry run print."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailproc.authenticate import Authenticated
from mailproc.envelope import BEGINNING, Envelope
from mailproc.maildrops.maildir_files import arrival
from mailproc.outcome import Disposition
from mailproc.pipeline import Examined, Site, examine, who_sent
from mailproc.reading import Message, one_line, read_message, reply_text, sole_author
from mailproc.recipients import find_recipients, reverse_path_of
from mailproc.screening import Verdict

ACTIONS = {
    None: "process",
    Disposition.DROPPED: "drop",
    Disposition.REJECTED: "reject",
    Disposition.DEFERRED: "defer",
    Disposition.FAILED: "quarantine",
}
SOMEBODY = "somebody@mailproc.invalid"  # stands for the recipient where routing has no opinion


@dataclass(frozen=True, slots=True)
class Inspector:
    """The real decisions of ``site``, and the header fields that name the recipient.

    ``routing`` is False where there is no configuration: then every mail has a handler, of which nothing is known.
    """

    site: Site
    recipient_headers: Sequence[str]
    routing: bool = True

    def file(self, path: Path, now: datetime | None = None) -> dict[str, Any]:
        """The record of a file, whatever it is; ``now`` is the arrival, else the file's time is."""
        began = time.perf_counter()
        try:
            raw, size, digest, modified = _read(path, self.site.max_size)
        except OSError as error:
            return _unreadable(str(path), error.strerror or type(error).__name__, began)
        return self.mail(str(path), raw, size, digest, now or modified, began)

    def mail(
        self, name: str, raw: bytes, size: int, digest: str, arrival: datetime, began: float | None = None
    ) -> dict[str, Any]:
        """The record of a mail; of one that is too big ``raw`` is the beginning and ``size`` the whole, in octets."""
        began = time.perf_counter() if began is None else began
        try:
            return self._record(name, raw, size, digest, arrival, began)
        except Exception as error:  # a bug of ours must not end the listing
            return _unreadable(name, f"{type(error).__name__}: {error}", began)

    def too_large(self, name: str, size: int) -> dict[str, Any]:
        """The record of a mail that is so large that it stays where it is, unseen."""
        reason = f"{size} octets are too many to archive; it stays in the maildrop"
        return {**_blank(name, Verdict.TOO_BIG, "too-large", reason, Disposition.DEFERRED), "size": size}

    def _record(self, name: str, raw: bytes, size: int, digest: str, arrival: datetime, began: float) -> dict[str, Any]:
        message = read_message(raw)
        recipients = self._recipients(message)
        envelope = Envelope(
            reverse_path_of(message.header), recipients[0] if recipients else ("" if self.routing else SOMEBODY), raw
        )
        seen = examine(envelope, message, size=size, arrival=arrival, site=self.site)
        found = seen.authenticated or self._sender(raw, seen, arrival)
        return {
            "file": name,
            "verdict": str(seen.screened.verdict),
            "rule": seen.outcome.rule if seen.outcome else seen.screened.rule,
            "reason": one_line(_reason(seen)),
            "action": ACTIONS[seen.outcome.disposition if seen.outcome else None],
            "sender": _text(sole_author(message.header)),
            "authentication": _authentication(found),
            "recipients": list(recipients),
            "handler": seen.binding.name if seen.binding and self.routing else None,
            "sha256": digest,
            "size": size,
            "message_id": message.message_id,
            "attachments": [
                {"name": a.name, "safe_name": a.safe_name, "type": a.type, "size": a.size} for a in message.attachments
            ],
            "reply_text": reply_text(message.text) or None,
            "defects": list(message.defects),
            "error": None,
            "elapsed_ms": _elapsed(began),
        }

    def _recipients(self, message: Message) -> tuple[str, ...]:
        registry = self.site.registry
        found = find_recipients(message.header, self.recipient_headers, lambda domain: registry.get(domain) is not None)
        return tuple(address for address in found.addresses if address)

    def _sender(self, raw: bytes, seen: Examined, arrival: datetime) -> Authenticated | None:
        """Who sent a mail that ended before that was asked; None of one that cannot be read."""
        if seen.screened.verdict in (Verdict.UNPARSEABLE, Verdict.TOO_BIG):
            return None
        return who_sent(raw, seen, arrival, self.site)


def _read(path: Path, max_size: int) -> tuple[bytes, int, str, datetime]:
    """The bytes of a regular file (of a large one only the beginning), its size, digest and time; memory is bounded."""
    digest = hashlib.sha256()
    kept: list[bytes] = []
    size = 0
    with open(path, "rb", opener=_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        while block := file.read(1 << 20):
            digest.update(block)
            if size <= max_size:
                kept.append(block)
            size += len(block)
    raw = b"".join(kept)
    return (
        (raw if size <= max_size else raw[:BEGINNING]),
        size,
        digest.hexdigest(),
        arrival(status.st_mtime),
    )


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a FIFO; it changes nothing for a regular file."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _reason(seen: Examined) -> str:
    if seen.outcome:
        return seen.outcome.reason
    found = seen.authenticated
    return f"{seen.screened.reason}; {found.reason}" if found else seen.screened.reason


def _authentication(found: Authenticated | None) -> dict[str, Any]:
    if found is None:
        return _nobody("it was not asked")
    principal = found.principal
    return {
        "level": str(principal.trust),
        "method": principal.method,
        "fingerprint": principal.fingerprint,
        "signed": found.signed,
        "signed_at": found.signed_at.isoformat() if found.signed_at else None,
        "content_sha256": found.content_sha256,
        "reason": one_line(found.reason),
    }


def _nobody(reason: str) -> dict[str, Any]:
    return {
        "level": "none",
        "method": "none",
        "fingerprint": None,
        "signed": "none",
        "signed_at": None,
        "content_sha256": None,
        "reason": reason,
    }


def _unreadable(name: str, error: str, began: float) -> dict[str, Any]:
    """The record of what could not be looked at: one line all the same."""
    reason = f"it cannot be read: {error}"
    record = _blank(name, Verdict.UNPARSEABLE, "unparseable.unreadable", reason, Disposition.FAILED)
    return {**record, "error": one_line(error), "elapsed_ms": _elapsed(began)}


def _blank(name: str, verdict: Verdict, rule: str, reason: str, end: Disposition) -> dict[str, Any]:
    return {
        "file": name,
        "verdict": str(verdict),
        "rule": rule,
        "reason": one_line(reason),
        "action": ACTIONS[end],
        "sender": None,
        "authentication": _nobody("it was not asked"),
        "recipients": [],
        "handler": None,
        "sha256": None,
        "size": None,
        "message_id": None,
        "attachments": [],
        "reply_text": None,
        "defects": [],
        "error": None,
        "elapsed_ms": 0.0,
    }


def _elapsed(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
