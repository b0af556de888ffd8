"""What the administrator has not been told of: messages that failed or were rejected, and what could not be sent or done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from mailproc.database.tables import REPORTABLE, errand, outbox, receipt

MOST = 5_000  # of each table in one report; what is over comes with the next
_AT_ONCE = 500  # of what one statement marks

Kind = Literal["failed", "rejected", "noted", "unsent", "undone"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be told.

    ``kind`` is ``failed`` or ``rejected`` of a message, ``noted`` of one whose handler wants it told, ``unsent`` of a mail that
    the relay has refused for good, ``undone`` of an errand that has failed. ``at`` is when it ended. ``reference`` is the OOPS
    where there is one, else the message's id. ``table`` and ``key`` say where it is marked.
    """

    kind: Kind
    at: datetime
    reason: str | None
    sender: str | None
    recipient: str | None
    handler: str | None
    reference: str
    table: str
    key: str | int


def unreported(conn: sa.Connection) -> list[Item]:
    """What is to be told, the oldest first."""
    items = [*_receipts(conn), *_outbox(conn), *_errands(conn)]
    return sorted(items, key=lambda item: (item.at, item.table, str(item.key)))


def mark(conn: sa.Connection, items: Sequence[Item], now: datetime) -> None:
    """They have been told."""
    for table, key in ((receipt, receipt.c.id), (outbox, outbox.c.id), (errand, errand.c.id)):
        keys = [item.key for item in items if item.table == table.name]
        for n in range(0, len(keys), _AT_ONCE):
            conn.execute(sa.update(table).where(key.in_(keys[n : n + _AT_ONCE])).values(reported_at=now))


def _receipts(conn: sa.Connection) -> Iterator[Item]:
    rows = conn.execute(sa.select(receipt).where(sa.text(REPORTABLE)).order_by(receipt.c.finished_at).limit(MOST))
    for row in rows:
        kind: Kind = row.disposition if row.disposition in ("failed", "rejected") else "noted"
        yield Item(
            kind,
            row.finished_at,
            row.reason,
            row.sender,
            row.recipient,
            row.handler,
            row.oops_id or row.id,
            receipt.name,
            row.id,
        )


def _outbox(conn: sa.Connection) -> Iterator[Item]:
    for row in _failed(conn, outbox, receipt.c.handler):
        about = row.receipt_id or row.message_id
        yield Item("unsent", row.failed_at, row.reply, row.sender, row.recipient, row.handler, about, outbox.name, row.id)


def _errands(conn: sa.Connection) -> Iterator[Item]:
    for row in _failed(conn, errand, receipt.c.recipient):
        about = row.oops_id or row.receipt_id
        yield Item("undone", row.failed_at, row.reply, row.sender, row.recipient, row.handler, about, errand.name, row.id)


def _failed(conn: sa.Connection, table: sa.Table, lacking: sa.Column[Any]) -> sa.CursorResult[Any]:
    """The rows of a table that have failed, with the sender of the message that each belongs to, and with what they lack."""
    told = sa.select(table, receipt.c.sender, lacking).select_from(table.outerjoin(receipt, receipt.c.id == table.c.receipt_id))
    failed = sa.and_(table.c.reported_at.is_(None), table.c.failed_at.is_not(None))
    return conn.execute(told.where(failed).order_by(table.c.failed_at).limit(MOST))
