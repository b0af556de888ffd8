"""OOPSes: the records of faults of ours, kept until an administrator prunes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from mailproc.database.tables import oops as table
from mailproc.oops import Oops

_ROWS = 100  # fetched at once where a listing has no limit; each may hold a long traceback


@dataclass(frozen=True, slots=True)
class Counted:
    """An OOPS, and how many share its signature."""

    oops: Oops
    count: int


def insert(conn: sa.Connection, oops: Oops) -> None:
    """Record an OOPS."""
    conn.execute(sa.insert(table).values(asdict(oops)))


def list_oopses(conn: sa.Connection, *, signature: str | None = None, limit: int | None = None) -> Iterator[Counted]:
    """All OOPSes, the newest first, or those of one signature; read in pieces, so that memory stays flat."""
    counts = sa.select(table.c.signature, sa.func.count().label("count")).group_by(table.c.signature).subquery()
    query = (
        sa.select(table, counts.c.count)
        .join(counts, counts.c.signature == table.c.signature)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(limit)
    )
    if signature is not None:
        query = query.where(table.c.signature == signature)
    for *fields, count in conn.execute(query.execution_options(yield_per=_ROWS)):
        yield Counted(Oops(*fields), count)


def show(conn: sa.Connection, id: str) -> Oops | None:
    """The OOPS of this id, in whichever case it was typed, or None."""
    row = conn.execute(sa.select(table).where(table.c.id == id.strip().upper())).first()
    return None if row is None else Oops(*row)


def prune(conn: sa.Connection, older_than: datetime) -> int:
    """Forget all OOPSes that were recorded before ``older_than``; answers how many."""
    return conn.execute(sa.delete(table).where(table.c.created_at < older_than)).rowcount
