"""What became of a mail that was delivered, read from the ledger, the OOPSes and the outbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mailproc.database.errands import errands_of, state_of
from mailproc.database.tables import letter, oops, outbox, receipt
from mailproc.outcome import Disposition
from mailproc.principal import Trust
from mailproc.reading import Message, read_message


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that would be sent to one recipient; one that goes on to many is there for each.

    ``answer`` says that it answers the mail in hand, with a null reverse path. ``text`` is the plain text; ``raw`` is all of
    it. ``reverse_path`` is who hears of failures, "" for nobody. ``tell`` is the sender's address where the sender is told of
    a recipient that the relay refuses for good, else None.
    """

    to: str
    subject: str
    text: str
    answer: bool
    raw: bytes
    reverse_path: str = ""
    tell: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An intent of a handler, and what came of it.

    ``payload`` and ``progress`` are what the handler put there; ``state`` is waiting, done or failed; ``note`` what `perform`
    answered, or why it is not done; ``attempts`` counts the tries that came to nothing.
    """

    key: str
    payload: Mapping[str, Any]
    progress: Mapping[str, Any]
    state: str
    note: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a mail ended, and what is recorded of it.

    ``id``           the receipt's, which the handler sees as ``delivery.id``
    ``disposition``  handled, dropped, rejected, failed or deferred; compares equal to the word
    ``reason``       one line: the note of the handler, or why it ended otherwise
    ``rule``         the stable id of the rule that decided, ``handler`` where the handler said no, ``human`` where none did
    ``handler``      the name of the handler that is bound to the domain, called or not; None where none is bound
    ``user``         the sender's name among our users, None when unknown
    ``trust``        how sure we were of the sender
    ``attempts``     how many starts have been counted; a deferral is not
    ``sent``         the mails that would be sent
    ``errands``      what is to be done elsewhere, each a `Wanted`
    ``answer``       ``queued``, or why there is no answer; None where none was wanted
    ``oops``         what went wrong on our side, such as ``KeyError: 'x'``; None when nothing did
    ``traceback``    of the OOPS, "" when there is none
    """

    id: str
    disposition: Disposition
    reason: str
    rule: str
    handler: str | None
    user: str | None
    trust: Trust
    attempts: int
    sent: tuple[Sent, ...]
    errands: tuple[Wanted, ...]
    answer: str | None
    oops: str | None
    traceback: str


def read_delivered(conn: sa.Connection, id: str) -> Delivered:
    """What is recorded of the receipt ``id``."""
    row = conn.execute(sa.select(receipt).where(receipt.c.id == id)).one()
    fault = conn.execute(sa.select(oops).where(oops.c.id == row.oops_id)).one_or_none() if row.oops_id else None
    return Delivered(
        id=row.id,
        disposition=Disposition(row.disposition or "deferred"),
        reason=row.reason or "",
        rule=row.rule or "",
        handler=row.handler,
        user=row.user,
        trust=Trust[(row.trust or "none").upper()],
        attempts=row.attempts,
        sent=_sent(conn, id),
        errands=tuple(map(_wanted, errands_of(conn, id))),
        answer=row.answer,
        oops=fault.exception if fault else None,
        traceback=fault.traceback if fault else "",
    )


def _wanted(row: sa.Row[Any]) -> Wanted:
    payload, progress = json.loads(row.payload), json.loads(row.progress)
    return Wanted(row.key, payload, progress, state_of(row), row.reply or "", row.attempts)


def _sent(conn: sa.Connection, id: str) -> tuple[Sent, ...]:
    rows = conn.execute(sa.select(outbox).where(outbox.c.receipt_id == id).order_by(outbox.c.id)).all()
    stored = sa.select(letter).where(letter.c.id.in_({row.letter_id for row in rows}))  # once, however many get it
    letters = {each.id: (each, read_message(each.raw)) for each in conn.execute(stored)}
    return tuple(_sent_to(row, *letters[row.letter_id]) for row in rows)


def _sent_to(row: sa.Row[Any], letter: sa.Row[Any], mail: Message) -> Sent:
    return Sent(row.recipient, mail.subject, mail.text, row.answer, letter.raw, row.reverse_path, letter.tell)
