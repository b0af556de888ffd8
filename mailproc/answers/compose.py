"""From an outcome to the mails that it sends, as raw bytes.

An answer is for a person who wrote to us: it has a null reverse path, so that nothing comes back, and the marks by which
other machines, and we ourselves, know it (RFC 3834 section 3). It is composed only where `may_answer` has allowed it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from mailproc.answers import dsn, fields
from mailproc.answers.answering import Answering
from mailproc.answers.composed import Composed, head, message_id_of
from mailproc.answers.dsn import Undelivered
from mailproc.answers.entities import multipart, original_part, text_part
from mailproc.answers.original import ATTACHED, ATTACHED_OF_LARGE, Original
from mailproc.answers.permission import wire_address
from mailproc.answers.plaintext import clean, wrap
from mailproc.answers.sendable import Unsendable, check_sendable
from mailproc.answers.templates import Text
from mailproc.outcome import Disposition, Mail, Outcome
from mailproc.reading.display import one_line

MOST_COMMANDS = 100  # failing commands that are listed; a mail with more of them is not one that a person typed
LONGEST_COMMAND = 500  # characters
LONGEST_REASON = 10_000  # characters of the reason that are told
_LONGEST_VALUE = 500  # characters of any other value of a text


def compose(
    answering: Answering,
    original: Original,
    outcome: Outcome,
    *,
    now: datetime,
    answerable: bool,
    oops_id: str | None = None,
) -> list[Composed]:
    """The mails of ``outcome``: its own, or an error mail; answers only when ``answerable``, none after a drop.

    Raises `Unsendable` as `check_sendable` does.
    """
    check_sendable(outcome, original.author)
    if not outcome.disposition.final:
        return []
    answerable = answerable and outcome.disposition is not Disposition.DROPPED
    mails = [
        compose_answer(answering, original, mail, now=now)
        if mail.is_answer
        else compose_mail(answering, original, mail, n, now=now)
        for n, mail in enumerate(outcome.mails)
        if answerable or not mail.is_answer
    ]
    error = compose_error(answering, original, outcome, now=now, oops_id=oops_id) if answerable else None
    return [*mails, error] if error else mails


def compose_answer(answering: Answering, original: Original, mail: Mail, *, now: datetime) -> Composed:
    """The answer of a handler to the sender of ``original``."""
    subject = mail.subject if mail.subject is not None else _reply_subject(original.subject)
    return _answer(answering, original, subject, text_part(clean(mail.text)), "answer", now)


def _reply_subject(subject: str) -> str:
    subject = subject.strip()
    return subject if subject[:3].lower() == "re:" else f"Re: {subject or 'your mail'}"


def compose_mail(answering: Answering, original: Original, mail: Mail, n: int, *, now: datetime) -> Composed:
    """The ``n``th mail of a handler, to somebody else; failures to deliver it come back to our From address."""
    recipient = wire_address(mail.to) if mail.to else None
    if recipient is None:
        raise Unsendable("a mail that is no answer needs an address")
    message_id = message_id_of(answering, original.receipt_id, f"mail {n}")
    subject = mail.subject if mail.subject is not None else original.subject
    text = text_part(clean(mail.text))
    raw = b"".join(
        [
            *head(answering, recipient, subject, message_id, now),
            fields.exact("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
            fields.exact("X-Auto-Response-Suppress", "OOF, AutoReply"),
            multipart([text, original_part(original, len(original.raw))]) if mail.encloses else text,
        ]
    )
    return Composed(str(wire_address(answering.address)), recipient, message_id, raw, answer=False)


def compose_error(
    answering: Answering, original: Original, outcome: Outcome, *, now: datetime, oops_id: str | None = None
) -> Composed | None:
    """The mail that tells the sender why ``outcome`` is rejected or failed; None for any other end.

    A failed one is told its OOPS id and nothing of the reason, which is ours to know.
    """
    if outcome.disposition is Disposition.FAILED and oops_id:
        return _error(answering, original, answering.texts.oops, {"oops": oops_id}, oops_id, now)
    if outcome.disposition is not Disposition.REJECTED:
        return None
    values = {"reason": outcome.reason[:LONGEST_REASON], "failing_commands": _listed(outcome.failing_commands)}
    if outcome.dsn:
        status = outcome.reply.status if outcome.reply else ""
        undelivered = [Undelivered(original.recipient, outcome.reason, status)]
        return _report(answering, original, undelivered, values["failing_commands"], "rejected", now)
    large = original.size > answering.max_size
    text = answering.texts.too_big if large else answering.texts.rejected
    return _error(answering, original, text, values, "rejected", now, ATTACHED_OF_LARGE if large else ATTACHED)


def compose_dsn(
    answering: Answering, original: Original, undelivered: Sequence[Undelivered], *, serial: str, now: datetime
) -> Composed:
    """The delivery status notification (RFC 3464) to the author of ``original``, of those who did not get what went on.

    ``serial`` tells several of one receipt apart.
    """
    return _report(answering, original, undelivered, "", f"undelivered {serial}", now)


def _report(
    answering: Answering,
    original: Original,
    undelivered: Sequence[Undelivered],
    commands: str,
    serial: str,
    now: datetime,
) -> Composed:
    values = {"reason": dsn.listed(undelivered), "failing_commands": commands}
    subject, body = answering.texts.undelivered.filled(_common(answering, original) | values)
    content = dsn.report(body, undelivered, original, answering.domain)
    return _answer(answering, original, subject, content, serial, now)


def _listed(commands: tuple[str, ...]) -> str:
    """The commands that failed, each on a line of its own, indented so that they are not wrapped."""
    listed = [f"    {one_line(command, LONGEST_COMMAND)}" for command in commands[:MOST_COMMANDS]]
    return "\n".join(["Failing command:", *listed]) if listed else ""


def _error(
    answering: Answering,
    original: Original,
    text: Text,
    values: dict[str, str],
    serial: str,
    now: datetime,
    attached: int = ATTACHED,
) -> Composed:
    subject, body = text.filled(_common(answering, original) | values)
    parts = [text_part(wrap(clean(body))), original_part(original, attached)]
    return _answer(answering, original, subject, multipart(parts), serial, now)


def _common(answering: Answering, original: Original) -> dict[str, str]:
    """The values that every text may use; those of the mail are one bounded line each."""
    return {
        "admin": answering.admin,
        "domain": answering.domain,
        "recipient": one_line(original.recipient, _LONGEST_VALUE),
        "subject": one_line(original.subject, _LONGEST_VALUE),
        "message_id": one_line(original.message_id, _LONGEST_VALUE) or "none",
        "size": f"{math.ceil(original.size / 1e5) / 10:g} MB",
        "limit": f"{math.floor(answering.max_size / 1e5) / 10:g} MB",
        "reason": "",
        "failing_commands": "",
        "oops": "",
    }


def _answer(answering: Answering, original: Original, subject: str, content: bytes, serial: str, now: datetime) -> Composed:
    recipient = wire_address(original.author) if original.author else None
    if recipient is None:
        raise Unsendable("there is nobody to answer")
    message_id = message_id_of(answering, original.receipt_id, serial)
    raw = b"".join(
        [
            *head(answering, recipient, subject, message_id, now),
            *fields.thread(original.message_id, original.references),
            fields.exact("Auto-Submitted", "auto-replied"),  # RFC 3834 section 5
            fields.exact("X-Auto-Response-Suppress", "All"),  # Exchange honours it where it ignores Auto-Submitted
            content,
        ]
    )
    return Composed("", recipient, message_id, raw, answer=True)  # RFC 3834 section 3.3: a null path ends every loop
