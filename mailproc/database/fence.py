"""The fence: what T1 has claimed is ours until the claim rises, and T2 ends nothing that is not (design promise 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailproc.database.ledger import Started
from mailproc.database.tables import receipt


def reclaim(conn: Connection, started: Started) -> Started | None:
    """T1 once more for a message whose commit failed while this process lived: the number of starts stays."""
    taken = conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == started.id, receipt.c.claim == started.claim, receipt.c.disposition.is_(None))
        .values(claim=started.claim + 1, attempts=started.attempt)
    )
    if taken.rowcount != 1:
        return None
    return replace(started, claim=started.claim + 1)


def hold(conn: Connection, started: Started) -> bool:
    """The fence: whether the receipt is still ours, locked from here to the commit."""
    held = conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == started.id, receipt.c.disposition.is_(None), receipt.c.claim == started.claim)
        .values(owner=receipt.c.owner)
    )
    return held.rowcount == 1


def give_back(conn: Connection, ids: Sequence[str]) -> None:
    """Take back one start of each of these receipts: they were not worked, or only the database stopped them."""
    conn.execute(
        sa.update(receipt)
        .where(receipt.c.id.in_(ids), receipt.c.disposition.is_(None), receipt.c.attempts > 0)
        .values(attempts=receipt.c.attempts - 1)
    )
