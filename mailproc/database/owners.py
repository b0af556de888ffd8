"""The runs that work now, or did until they died: who may hold a receipt or a mail of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailproc.database.tables import owner
from mailproc.database.upsert import insert_new


def renew_lease(conn: Connection, me: str, host: str, until: datetime) -> None:
    """Say that this run lives until then at least."""
    renewed = conn.execute(sa.update(owner).where(owner.c.id == me).values(lease_until=until))
    if renewed.rowcount == 0:
        insert_new(conn, owner, [{"id": me, "host": host, "lease_until": until}])


def entered(conn: Connection) -> list[Row[Any]]:
    """All runs that are entered: id, host, lease_until."""
    return list(conn.execute(sa.select(owner)))


def forget(conn: Connection, gone: Sequence[str]) -> None:
    """Take runs that are gone off the list; what they held is free."""
    if gone:
        conn.execute(sa.delete(owner).where(owner.c.id.in_(gone)))
