"""What became of a mail that was delivered, read from the ledger, the OOPSes and the outbox."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from mailproc.database.tables import oops, outbox, receipt
from mailproc.outcome import Disposition
from mailproc.principal import Trust
from mailproc.reading import read_message


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that would be sent.

    ``answer`` says that it answers the mail in hand, with a null reverse path. ``text`` is the plain text; ``raw`` is all of
    it.
    """

    to: str
    subject: str
    text: str
    answer: bool
    raw: bytes


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
        answer=row.answer,
        oops=fault.exception if fault else None,
        traceback=fault.traceback if fault else "",
    )


def _sent(conn: sa.Connection, id: str) -> tuple[Sent, ...]:
    rows = conn.execute(sa.select(outbox).where(outbox.c.receipt_id == id).order_by(outbox.c.id)).all()
    mails = [(row, read_message(row.raw)) for row in rows]
    return tuple(Sent(row.recipient, mail.subject, mail.text, row.answer, row.raw) for row, mail in mails)
