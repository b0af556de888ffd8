"""Answers to any bytes: what is sent is one mail, to one address, with the fields that we wrote and no others."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32

from mailproc.address import Address
from mailproc.answers import Answering, Composed, Original, compose_answer, compose_error, load_texts, wire_address
from mailproc.outcome import Disposition, Mail, Outcome
from mailproc.reading import read_header, read_message, sole_author

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANSWERING = Answering("Mail Robot <robot@example.org>", "admin@example.org", "example.org", load_texts(), max_size=10_000)
OOPS = "OOPS-12345-ABCDE"
FIELDS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "X-Loop",
    "MIME-Version",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Type",
    "Content-Transfer-Encoding",
}


def answers_are_whole(raw: bytes) -> None:
    """A reply, a rejection, one for its size and one with an OOPS, all made of a hostile mail and its words."""
    message = read_message(raw)
    author = sole_author(message.header)
    if author is None or wire_address(author) is None:  # then it is not answered
        author = Address("ann", "example.com")
    words = (message.text or raw.decode("latin-1"))[:20_000]
    for size in (len(raw), 20_000):
        original = Original.of(raw, message.header, size=size, recipient=words[:80], receipt_id="r", author=author)
        _check(compose_answer(ANSWERING, original, Mail(None, words[:300], words, answer=True), now=NOW), parts=1)
        _check(compose_answer(ANSWERING, original, Mail(None, None, words, answer=True), now=NOW), parts=1)
        commands = tuple(words.splitlines()[:5])
        rejected = Outcome(Disposition.REJECTED, words, failing_commands=commands)
        _check(compose_error(ANSWERING, original, rejected, now=NOW), parts=2)
        failed = compose_error(ANSWERING, original, Outcome(Disposition.FAILED, words), now=NOW, oops_id=OOPS)
        _check(failed, parts=2)
        assert failed is not None and any(line.strip() == OOPS.encode() for line in failed.raw.split(b"\r\n"))


def _check(mail: Composed | None, parts: int) -> None:
    assert mail is not None and mail.reverse_path == ""
    raw = mail.raw
    assert raw.isascii() and b"\0" not in raw
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    header = read_header(raw)
    names = [name for name, _ in header.fields]
    assert header.defects == () and len(names) == len(set(names)) and set(names) <= FIELDS
    assert [str(sole_author(header)), header.all("To")] == ["robot@example.org", (mail.recipient,)]
    other = message_from_bytes(raw, policy=compat32)
    assert other.keys() == names and not other.defects, "another reader finds other fields"
    found = other.get_payload() if other.is_multipart() else [other]
    assert [part.get_content_type() for part in found] == ["text/plain", "message/rfc822"][:parts]
    assert found[0]["Content-Transfer-Encoding"] in ("7bit", "quoted-printable")
