"""Posting to a webhook: one signed request of JSON, which a bridge to another chat or a service of one's own takes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from mailproc import Errand, Rejected, Transient
from mailproc.failpoints import failpoint
from mailproc.gateway.posting import Posting
from mailproc.gateway.targets.http import Declined, Visit
from mailproc.gateway.targets.response import Response
from mailproc.gateway.targets.service import Service
from mailproc.gateway.text.content import LONGEST_SUBJECT, content_of
from mailproc.reading import Attachment, Message, one_line, read_message
from mailproc.secrets import secret_in

VERSION = 1
LARGEST = 16 * 1024 * 1024  # octets of all attachments whose content goes along: in base64 less than an errand has time for
MOST_FILES = 100

_ELSEWHERE = {404, 405, 410}

_JSON = {"Content-Type": "application/json", "User-Agent": "mailproc"}


class Webhook:
    """A service at ``service`` that takes posts; the text that it gets has at most ``message_length`` characters."""

    def __init__(self, service: Service, secret_file: Path, message_length: int) -> None:
        """Raise `SettingsError` for a secret that cannot be used."""
        self._service = service
        self._secret_file = secret_file
        self._limit = message_length
        secret_in("secret", secret_file)

    def carry_out(self, post: Posting, errand: Errand) -> str:
        """Send it, and again until it is answered: with the same key and the same body, by which the other side knows it."""
        if said := errand.progress.get("posted"):
            return str(said)
        said = self._said(self._asked(post, errand), errand)
        failpoint("gateway-post")
        errand.note("posted", said)
        return said

    def _asked(self, post: Posting, errand: Errand) -> Response:
        """The answer; where the web server finds the body too large, that to one without the files."""
        secret = self._service.secret("secret", self._secret_file, errand)
        visit = Visit(self._service, errand.log, frozenset({secret}))
        for room in (LARGEST, 0) if "bare" not in errand.progress else (0,):
            body = self._body(post, errand, room)
            answer = visit.ask("POST", "", _headers(errand.id, body, secret, int(time.time())), body)
            if answer.status != 413 or not room or not post.attachments:
                break
            errand.note("bare", True)
        return answer

    def _body(self, post: Posting, errand: Errand, room: int) -> bytes:
        """The same at every try, for a receiver may compare: nothing in it is of now."""
        mail = read_message(errand.raw)
        told = {
            "version": VERSION,
            "id": errand.id,
            "to": asdict(post.to),
            "text": content_of(post.body, sender=post.sender, subject=post.subject, links=[], limit=self._limit),
            "subject": one_line(mail.subject, LONGEST_SUBJECT),
            "sender": post.sender,
            "user": post.user,
            "message_id": mail.message_id,
            "date": mail.date.isoformat() if mail.date else None,
            "received": errand.created_at.isoformat(),
            "attachments": list(_attachments(post, mail, room)),
            "attachments_left_out": max(0, len(post.attachments) - MOST_FILES),
        }
        return json.dumps(told, ensure_ascii=True).encode("ascii")

    def _said(self, answer: Response, errand: Errand) -> str:
        """The note for the ledger; raises `Transient` for a 409, for then the first request of this key is being worked on, and
        `Away` for what a wrong URL has said, or a receiver that is just being exchanged.
        """
        if 200 <= answer.status < 300:
            return f"taken by {self._service.called}: {answer.line}" if answer.line else f"taken by {self._service.called}"
        if answer.status == 409:
            raise Transient(f"{self._service.called}: 409, an earlier try is still being worked on", after=answer.retry_after)
        if answer.status in _ELSEWHERE:
            errand.log.error("%s: %d; check url, or put the receiver back there", self._service.called, answer.status)
            raise Declined(f"{self._service.called}: {answer.status}, it is not there", after=answer.retry_after)
        errand.log.warning("%s: %d %s", self._service.called, answer.status, answer.line)
        raise Rejected(f"The chat does not take it: {answer.status} {answer.line}".rstrip())


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What ``X-Mailproc-Signature`` holds: HMAC-SHA-256 (RFC 2104) over ``TIMESTAMP.BODY``, in hex."""
    return "sha256=" + hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def _headers(key: str, body: bytes, secret: str, now: int) -> dict[str, str]:
    """The key is a String of RFC 9651 section 3.3.3, as draft-ietf-httpapi-idempotency-key-header has it."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return {
        **_JSON,
        "Idempotency-Key": f'"{escaped}"',
        "X-Mailproc-Timestamp": str(now),
        "X-Mailproc-Signature": signature(secret, now, body),
    }


def _attachments(post: Posting, mail: Message, room: int) -> Iterator[dict[str, object]]:
    """The files as JSON; ``content`` is null where ``room`` octets do not hold it any more."""
    for file in post.attachments[:MOST_FILES]:
        found: Attachment = mail.attachments[file.index]
        fits = found.size <= room
        room -= found.size if fits else 0
        content = b64encode(found.content).decode("ascii") if fits else None
        yield {"name": found.safe_name, "type": one_line(found.type), "size": found.size, "content": content}
