"""Refusals of which somebody is to be told: the recipients who will never get a mail that went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from mailproc.database.tables import letter
from mailproc.database.tables import outbox as table

MOST = 1_000  # recipients in one report


class Lost(NamedTuple):
    """A recipient who will never get it, and what was said of it last."""

    id: int
    recipient: str
    reply: str
    status: str


@dataclass(frozen=True, slots=True)
class Untold:
    """Of one letter the recipients who will never get it, and who is to be told."""

    receipt_id: str | None
    raw: bytes
    tell: str
    rows: tuple[Lost, ...]


def untold(conn: sa.Connection) -> Untold | None:
    """What somebody is to be told next, None where there is nothing; of one letter, and of 1,000 recipients at most."""
    lost = sa.and_(table.c.failed_at.is_not(None), table.c.told_at.is_(None))
    first = conn.execute(
        sa.select(table.c.letter_id, table.c.receipt_id).where(lost).order_by(table.c.letter_id).limit(1)
    ).first()
    if first is None:
        return None
    columns = sa.select(table.c.id, table.c.recipient, table.c.reply, table.c.status).where(
        lost, table.c.letter_id == first.letter_id
    )
    rows = conn.execute(columns.order_by(table.c.id).limit(MOST))
    kept = conn.execute(sa.select(letter).where(letter.c.id == first.letter_id)).one()
    return Untold(
        first.receipt_id,
        kept.raw,
        kept.tell or "",
        tuple(Lost(id, to, reply or "", status or "") for id, to, reply, status in rows),
    )


def told(conn: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that it was seen to."""
    conn.execute(sa.update(table).where(table.c.id.in_(ids)).values(told_at=now))
