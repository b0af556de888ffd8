"""What the administrator has not been told of: messages that failed or were rejected, and what could not be sent or done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from mailproc.database.tables import errand, outbox, receipt

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
    reason: str
    sender: str
    recipient: str
    handler: str
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


def _receipts(conn: sa.Connection) -> list[Item]:
    told = sa.or_(receipt.c.disposition.in_(("failed", "rejected")), receipt.c.report)
    final = sa.and_(receipt.c.finished_at.is_not(None), receipt.c.reported_at.is_(None))
    rows = conn.execute(sa.select(receipt).where(final, told).order_by(receipt.c.finished_at).limit(MOST))
    return [_message(row) for row in rows]


def _message(row: sa.Row[Any]) -> Item:
    kind: Kind = row.disposition if row.disposition in ("failed", "rejected") else "noted"
    return Item(
        kind,
        row.finished_at,
        row.reason or "",
        row.sender or "",
        row.recipient,
        row.handler or "",
        row.oops_id or row.id,
        receipt.name,
        row.id,
    )


def _outbox(conn: sa.Connection) -> list[Item]:
    unsent = sa.and_(outbox.c.failed_at.is_not(None), outbox.c.reported_at.is_(None))
    rows = conn.execute(_with_receipt(outbox, unsent).order_by(outbox.c.failed_at).limit(MOST))
    return [
        Item(
            "unsent",
            row.failed_at,
            row.reply or "",
            row.sender or "",
            row.recipient,
            row.handler or "",
            row.receipt_id or row.message_id,
            outbox.name,
            row.id,
        )
        for row in rows
    ]


def _errands(conn: sa.Connection) -> list[Item]:
    undone = sa.and_(errand.c.failed_at.is_not(None), errand.c.reported_at.is_(None))
    rows = conn.execute(_with_receipt(errand, undone).order_by(errand.c.failed_at).limit(MOST))
    return [
        Item(
            "undone",
            row.failed_at,
            row.reply or "",
            row.sender or "",
            row.addressed or "",
            row.handler,
            row.oops_id or row.receipt_id,
            errand.name,
            row.id,
        )
        for row in rows
    ]


def _with_receipt(table: sa.Table, wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The rows of a table with sender, recipient and handler of the message that each belongs to."""
    about = [receipt.c.sender, receipt.c.recipient.label("addressed")]
    about += [] if "handler" in table.c else [receipt.c.handler]
    joined = table.outerjoin(receipt, receipt.c.id == table.c.receipt_id)
    return sa.select(table, *about).select_from(joined).where(wanted)
