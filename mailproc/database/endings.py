"""How receipts end, in T2: with an outcome, or for now with a deferral; and which have waited too long for an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailproc.database.ledger import Started
from mailproc.database.tables import receipt
from mailproc.patience import PATIENCE, retry_after


def defer(conn: Connection, started: Started, facts: Mapping[str, Any], now: datetime) -> None:
    """Record that the message waits for something that is away; a deferral is no failed start."""
    conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == started.id, receipt.c.claim == started.claim)
        .values(
            **facts,
            attempts=started.attempt - 1,
            deferrals=started.deferrals + 1,
            retry_at=now + retry_after(started.deferrals),
            owner=None,
        )
    )


def fail_for_now(conn: Connection, started: Started, facts: Mapping[str, Any]) -> None:
    """Record a failure after which the client is to come again: the start stays counted, and nobody has the message in hand."""
    conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == started.id, receipt.c.claim == started.claim)
        .values(**facts, retry_at=None, owner=None)
    )


def finish(
    conn: Connection,
    started: Started,
    disposition: str,
    facts: Mapping[str, Any],
    now: datetime,
    reply: str,
    *,
    client_waits: bool,
) -> None:
    """Record the end of a message with what is known of it.

    ``reply`` is what its client is told; of one that waits no longer it is remembered for the next time that it comes.
    """
    ended = {"disposition": disposition, "finished_at": now, "retry_at": None, "owner": None}
    told = {"reply": reply, "deleted_at": now} if client_waits else {"reply": _told_again(reply)}
    conn.execute(
        sa.update(receipt).where(receipt.c.id == started.id, receipt.c.claim == started.claim).values(**facts, **ended, **told)
    )


def _told_again(reply: str) -> sa.ColumnElement[str | None]:
    """The reply where a client was told one before; nobody is ever told of mail that was polled, or accepted with a 250."""
    return sa.case((receipt.c.reply.is_not(None), sa.literal(reply)), else_=None)


def told_at_the_door(conn: Connection, id: str) -> bool:
    """Whether a client has been told how this message ended."""
    return conn.execute(sa.select(receipt.c.reply).where(receipt.c.id == id)).scalar_one_or_none() is not None


def answered_before(conn: Connection, sha256: str, id: str) -> bool:
    """Whether the same message has an answer already for another recipient than that of the receipt ``id``."""
    others = sa.select(receipt.c.id).where(receipt.c.sha256 == sha256, receipt.c.id != id, receipt.c.answer == "queued")
    return conn.execute(others.limit(1)).first() is not None


def answer_of(conn: Connection, id: str) -> str | None:
    """What became of the answer when this receipt ended before; None when it never did, or none was wanted."""
    return conn.execute(sa.select(receipt.c.answer).where(receipt.c.id == id)).scalar_one_or_none()


def note_answer(conn: Connection, id: str, answer: str | None) -> None:
    """Record what became of the answer to a message that had ended before."""
    conn.execute(sa.update(receipt).where(receipt.c.id == id).values(answer=answer))


def overdue(conn: Connection, now: datetime, limit: int = 100) -> list[Row[Any]]:
    """Receipts that have waited for more than `PATIENCE`, the oldest first."""
    waited = sa.select(receipt).where(receipt.c.disposition.is_(None), receipt.c.waiting_since < now - PATIENCE)
    return list(conn.execute(waited.order_by(receipt.c.waiting_since).limit(limit)))
