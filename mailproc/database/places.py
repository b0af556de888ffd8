"""What the ledger knows of the messages in a maildrop, by their uids there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailproc.database.tables import receipt

AT_ONCE = 500  # uids in one statement: SQLite bounds its variables


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of the message at a place, over all its recipients."""

    dispositions: tuple[str | None, ...]
    due_at: datetime | None
    attempts: int

    @property
    def final(self) -> bool:
        """Whether every receipt is final."""
        return None not in self.dispositions


def known_at(conn: Connection, maildrop: str, uidvalidity: int | None) -> dict[str, Known]:
    """What is known of each uid of a maildrop whose message has not left it."""
    columns = receipt.c
    rows = conn.execute(
        sa.select(columns.uid, columns.disposition, columns.retry_at, columns.attempts)
        .where(columns.maildrop == maildrop, columns.uidvalidity.is_not_distinct_from(uidvalidity))
        .where(columns.deleted_at.is_(None), columns.uid.is_not(None))
    )
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.uid, []).append(row)
    return {uid: _known(group) for uid, group in found.items()}


def _known(rows: Sequence[Any]) -> Known:
    waiting = [row for row in rows if row.disposition is None]
    due = [row.retry_at for row in waiting]
    return Known(
        tuple(row.disposition for row in rows),
        None if None in due else min(due, default=None),
        max((row.attempts for row in waiting), default=0),
    )


def note_left(conn: Connection, maildrop: str, uidvalidity: int | None, uids: Sequence[str], now: datetime) -> None:
    """Record that these messages have left the maildrop.

    The rows are locked in the order of their ids, as `ledger.receive` does: another run may meet copies of the same mails.
    """
    for start in range(0, len(uids), AT_ONCE):
        left = (
            sa.select(receipt.c.id)
            .where(receipt.c.maildrop == maildrop, receipt.c.uidvalidity.is_not_distinct_from(uidvalidity))
            .where(receipt.c.uid.in_(uids[start : start + AT_ONCE]), receipt.c.deleted_at.is_(None))
            .where(receipt.c.disposition.is_not(None))
            .order_by(receipt.c.id)
            .with_for_update()
        )
        ids = conn.execute(left).scalars().all()
        conn.execute(sa.update(receipt).where(receipt.c.id.in_(ids)).values(deleted_at=now))
