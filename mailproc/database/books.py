"""The books: how many messages came, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailproc.database.tables import receipt, tally


@dataclass(frozen=True, slots=True)
class Balance:
    """The books: every message seen stands in exactly one of the other columns."""

    seen: int
    handled: int
    dropped: int
    rejected: int
    failed: int
    waiting: int

    @property
    def balanced(self) -> bool:
        """Whether the books balance."""
        return self.seen == self.handled + self.dropped + self.rejected + self.failed + self.waiting


def balance(conn: Connection) -> Balance:
    """Count the receipts by disposition, against the number ever opened."""
    counted = sa.select(receipt.c.disposition, sa.func.count()).group_by(receipt.c.disposition)
    by_end: dict[str | None, int] = {row[0]: row[1] for row in conn.execute(counted)}
    seen = conn.execute(sa.select(tally.c.count).where(tally.c.name == "seen")).scalar() or 0
    ends = ("handled", "dropped", "rejected", "failed", None)
    return Balance(seen, *(by_end.get(end, 0) for end in ends))
