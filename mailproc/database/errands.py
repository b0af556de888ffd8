"""Errands: what handlers want done elsewhere, decided on and committed with their messages.

A row is waiting until ``done_at`` or ``failed_at`` is set. Who carries it out claims it first, as a mail of the outbox is
claimed; the start is counted in that commit, so that one that dies is counted too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mailproc.database.due import due_by
from mailproc.database.tables import errand as table
from mailproc.database.tables import receipt
from mailproc.outcome import Intent

_waiting = sa.and_(table.c.done_at.is_(None), table.c.failed_at.is_(None))


@dataclass(frozen=True, slots=True)
class QueuedErrand:
    """An errand that waits.

    ``claim`` is what `claim` must have seen, and rises with every start; ``attempts`` counts the tries that came to nothing,
    ``starts`` those that have not come to an end.
    """

    id: int
    receipt_id: str
    key: str
    handler: str
    payload: str
    progress: str
    created_at: datetime
    waiting_since: datetime
    attempts: int
    starts: int
    claim: int
    owner: str | None

    @property
    def name(self) -> str:
        """The same over every try: the key of an effect elsewhere."""
        return f"{self.receipt_id}.{self.key}" if self.key else self.receipt_id


def queue(conn: sa.Connection, *, receipt_id: str, handler: str, intent: Intent, now: datetime) -> None:
    """Remember an intent; the same one of the same message waits already, or is done, or had failed and is tried again."""
    same = sa.and_(table.c.receipt_id == receipt_id, table.c.key == intent.key)
    known = conn.execute(sa.select(table.c.id).where(same)).one_or_none()
    wanted = {"handler": handler, "payload": json.dumps(intent.payload)}
    if known is None:
        times = {"created_at": now, "waiting_since": now}
        conn.execute(sa.insert(table).values(receipt_id=receipt_id, key=intent.key, **wanted, **times))
    else:
        conn.execute(sa.update(table).where(same, table.c.failed_at.is_not(None)).values(**wanted, **_anew(now)))


def try_again(conn: sa.Connection, receipt_id: str, now: datetime) -> bool:
    """Have what has failed of a message tried again; False when nothing has."""
    failed = sa.and_(table.c.receipt_id == receipt_id, table.c.failed_at.is_not(None))
    return conn.execute(sa.update(table).where(failed).values(_anew(now))).rowcount > 0


def _anew(now: datetime) -> dict[str, Any]:
    waits = {"waiting_since": now, "retry_at": None, "attempts": 0, "starts": 0}
    return {"failed_at": None, "oops_id": None, "reported_at": None, **waits}


def failed_receipts(conn: sa.Connection) -> list[str]:
    """The messages of which something has failed, the oldest first."""
    failed = sa.select(table.c.receipt_id).where(table.c.failed_at.is_not(None))
    return list(dict.fromkeys(conn.scalars(failed.order_by(table.c.id))))


def due(conn: sa.Connection, now: datetime, limit: int) -> list[QueuedErrand]:
    """The errands to be done now, the oldest first, and last those that have died with us before; at most ``limit``."""
    columns = [table.c[name] for name in QueuedErrand.__slots__]
    ripe = sa.and_(_waiting, due_by(table.c.retry_at, now))
    wanted = sa.select(*columns).where(ripe).order_by(table.c.starts, table.c.id).limit(limit)
    return [QueuedErrand(*row) for row in conn.execute(wanted)]


def claim(conn: sa.Connection, errand: QueuedErrand, owner: str, now: datetime) -> bool:
    """Take an errand, and count the start; False when somebody else took it since, or it is no longer due."""
    ours = sa.and_(table.c.id == errand.id, table.c.claim == errand.claim, _waiting, due_by(table.c.retry_at, now))
    started = {"claim": errand.claim + 1, "starts": table.c.starts + 1, "owner": owner}
    return conn.execute(sa.update(table).where(ours).values(started)).rowcount == 1


def note(conn: sa.Connection, errand: QueuedErrand, progress: Mapping[str, object]) -> bool:
    """Keep what has been done of it; False when somebody else has taken it over."""
    kept = {"progress": json.dumps(progress)}
    return conn.execute(sa.update(table).where(_ours(errand)).values(kept)).rowcount == 1


def done(conn: sa.Connection, errand: QueuedErrand, now: datetime, reply: str) -> None:
    """It is done."""
    _end(conn, errand, done_at=now, reply=reply)


def failed(conn: sa.Connection, errand: QueuedErrand, now: datetime, reply: str, oops_id: str | None) -> None:
    """It will never be done: the other side refused it for good, it has waited too long, or it is a bug."""
    _end(conn, errand, failed_at=now, reply=reply, oops_id=oops_id)


def retry(conn: sa.Connection, errand: QueuedErrand, retry_at: datetime, reply: str) -> None:
    """It came to nothing, and is due again at ``retry_at``."""
    _end(conn, errand, retry_at=retry_at, reply=reply, attempts=table.c.attempts + 1)


def give_back(conn: sa.Connection, errand: QueuedErrand) -> None:
    """The start was ended by us and by nothing that it did: it does not count."""
    conn.execute(sa.update(table).where(_ours(errand)).values(owner=None, starts=table.c.starts - 1))


def postpone(conn: sa.Connection, errand: QueuedErrand, retry_at: datetime, reply: str) -> None:
    """It was not tried, because what it needs is away."""
    untouched = sa.and_(table.c.id == errand.id, table.c.claim == errand.claim, _waiting)
    conn.execute(sa.update(table).where(untouched).values(retry_at=retry_at, reply=reply))


def waiting(conn: sa.Connection) -> int:
    """How many errands wait."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(_waiting)).scalar_one())


def archive_url(conn: sa.Connection, receipt_id: str) -> str | None:
    """Where the mail of an errand is kept; None when its receipt has gone."""
    return conn.execute(sa.select(receipt.c.archive_url).where(receipt.c.id == receipt_id)).scalar_one_or_none()


def errands_of(conn: sa.Connection, receipt_id: str) -> list[sa.Row[Any]]:
    """The errands of one message, all that is known of each, in the order in which it wanted them."""
    return list(conn.execute(sa.select(table).where(table.c.receipt_id == receipt_id).order_by(table.c.id)))


def told_of(conn: sa.Connection, receipt_id: str) -> list[dict[str, Any]]:
    """What became of each errand of one message, for people: ``state``, ``errand`` (its id), ``note`` and more."""
    return [
        {
            "state": state_of(row),
            "errand": f"{receipt_id}.{row.key}" if row.key else receipt_id,
            "handler": row.handler,
            "note": row.reply,
            "attempts": row.attempts,
            "retry_at": row.retry_at,
            "oops_id": row.oops_id,
        }
        for row in errands_of(conn, receipt_id)
    ]


def state_of(row: sa.Row[Any]) -> str:
    """``done``, ``failed`` or ``waiting``."""
    return "done" if row.done_at else "failed" if row.failed_at else "waiting"


def _ours(errand: QueuedErrand) -> sa.ColumnElement[bool]:
    """The errand, as long as nobody has taken it over since we have."""
    return sa.and_(table.c.id == errand.id, table.c.claim == errand.claim + 1, _waiting)


def _end(conn: sa.Connection, errand: QueuedErrand, **how: object) -> None:
    conn.execute(sa.update(table).where(_ours(errand)).values(owner=None, starts=0, **how))
