"""The spool: receipts of mail that a door has taken over, and that nobody works yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailproc.database.due import due_by
from mailproc.database.ledger import Opening, fresh_row, open_new
from mailproc.database.tables import receipt
from mailproc.patience import PATIENCE


def accept(conn: Connection, openings: Sequence[Opening], now: datetime) -> set[str]:
    """Open a receipt for each, claimed by nobody; from the commit on the mail is ours, and its client may be told 250.

    Answers the ids of those that were not there before.

    One that is there already stays as it is: the client has not heard our 250 and comes again. One that waited for its client
    waits for us from now on.
    """
    by_id = {opening.id: opening for opening in sorted(openings, key=lambda opening: opening.id)}
    new = open_new(conn, [{**fresh_row(opening, now), "deleted_at": now} for opening in by_id.values()])
    known = [id for id in by_id if id not in new]
    if known:
        take_over(conn, known, now)
        again = sa.and_(receipt.c.id.in_(known), receipt.c.disposition.is_not(None))
        conn.execute(sa.update(receipt).where(again).values(copies=receipt.c.copies + 1))
    return new


def take_over(conn: Connection, ids: Sequence[str], now: datetime) -> None:
    """Make those of these receipts ours that wait: a client has been told 250, and will not come again.

    Also one of a mail that waits in a maildrop, from which somebody else may remove it.
    """
    others = sa.and_(receipt.c.disposition.is_(None), receipt.c.deleted_at.is_(None))
    nowhere = {"maildrop": None, "uidvalidity": None, "uid": None}
    conn.execute(sa.update(receipt).where(receipt.c.id.in_(ids), others).values(deleted_at=now, retry_at=None, **nowhere))


def any_for_us(conn: Connection, now: datetime) -> bool:
    """Whether a receipt waits for a run of ours: not one that its client is to come for, until its time is over."""
    columns = receipt.c
    clients = sa.and_(columns.maildrop.is_(None), columns.deleted_at.is_(None), columns.waiting_since >= now - PATIENCE)
    return conn.execute(sa.select(columns.id).where(columns.disposition.is_(None), ~clients).limit(1)).first() is not None


def waiting(
    conn: Connection, now: datetime, *, behind: tuple[datetime, str] | None, limit: int, suspect: bool = False
) -> list[Row[Any]]:
    """Receipts that wait though their source has let go of the mail, and are due: only the archive has it.

    The oldest first, from ``behind`` on, which is when one was received and its id. Those that are ``suspect`` have died with
    us before, the others have not.
    """
    columns = receipt.c
    ours = sa.select(receipt).where(
        columns.disposition.is_(None), columns.deleted_at.is_not(None), due_by(columns.retry_at, now)
    )
    ours = ours.where(columns.attempts > 0 if suspect else columns.attempts == 0)
    if behind is not None:
        ours = ours.where(sa.tuple_(columns.received_at, columns.id) > sa.tuple_(*map(sa.literal, behind)))
    return list(conn.execute(ours.order_by(columns.received_at, columns.id).limit(limit)))
