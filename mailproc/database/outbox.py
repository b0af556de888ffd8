"""The outbox: mails that were decided on and committed, and wait for the relay.

A row is waiting until ``sent_at`` or ``failed_at`` is set. Who sends it claims it first: the claim rises, and of two who
saw the same claim one wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mailproc.database.due import due_by
from mailproc.database.tables import outbox as table

OCTETS_AT_ONCE = 16 * 1024 * 1024  # of mails that one question answers with, so that memory stays flat

_waiting = sa.and_(table.c.sent_at.is_(None), table.c.failed_at.is_(None))


def _ripe(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_waiting, due_by(table.c.retry_at, now))


@dataclass(frozen=True, slots=True)
class Queued:
    """A mail that waits. ``claim`` is what `claim` must have seen; ``attempts`` counts the tries that came to nothing."""

    id: int
    receipt_id: str | None
    answer: bool
    reverse_path: str
    recipient: str
    message_id: str
    raw: bytes
    created_at: datetime
    attempts: int
    claim: int
    owner: str | None


def queue(
    conn: sa.Connection,
    *,
    receipt_id: str | None,
    answer: bool,
    reverse_path: str,
    recipient: str,
    message_id: str,
    raw: bytes,
    now: datetime,
) -> int:
    """Put a mail into the outbox; answers its number.

    An answer goes to the lower-case form of the address, in which users are registered, so that writing one's own address
    in another way does not get round the limit of answers.
    """
    row = {
        "receipt_id": receipt_id,
        "answer": answer,
        "reverse_path": reverse_path,
        "recipient": recipient.lower() if answer else recipient,
        "message_id": message_id,
        "raw": raw,
        "created_at": now,
    }
    return int(conn.execute(sa.insert(table).values(row).returning(table.c.id)).scalar_one())


def answers_between(conn: sa.Connection, recipient: str, since: datetime, now: datetime) -> int:
    """How many answers to this address, in whatever case, were queued from ``since`` to ``now``.

    One that was queued later was so when the clock was wrong, and would count until that time has come.
    """
    lately = table.c.created_at.between(since, now)
    theirs = sa.and_(table.c.recipient == recipient.lower(), lately, table.c.answer)
    return int(conn.execute(sa.select(sa.func.count()).where(theirs)).scalar_one())


def due(conn: sa.Connection, now: datetime, limit: int) -> list[Queued]:
    """The mails to be sent now, the oldest first: at most ``limit``, and no more octets than fit, but at least one."""
    sizes = sa.select(table.c.id, sa.func.length(table.c.raw)).where(_ripe(now)).order_by(table.c.id).limit(limit)
    chosen = list(_that_fit(conn.execute(sizes).all()))
    columns = [table.c[name] for name in Queued.__slots__]
    return [Queued(*row) for row in conn.execute(sa.select(*columns).where(table.c.id.in_(chosen)).order_by(table.c.id))]


def _that_fit(sizes: Sequence[sa.Row[int, int]]) -> Iterator[int]:
    octets = 0
    for id, size in sizes:
        if octets and octets + size > OCTETS_AT_ONCE:
            return
        octets += size
        yield id


def claim(conn: sa.Connection, id: int, seen: int, owner: str, now: datetime) -> bool:
    """Take a mail for sending; False when somebody else took it since its claim was ``seen``, or it is no longer due."""
    ours = sa.and_(table.c.id == id, table.c.claim == seen, _ripe(now))
    taken = conn.execute(sa.update(table).where(ours).values(claim=seen + 1, owner=owner))
    return taken.rowcount == 1


def sent(conn: sa.Connection, id: int, now: datetime, reply: str) -> None:
    """Note that the relay took the mail, and what it said."""
    conn.execute(sa.update(table).where(table.c.id == id).values(sent_at=now, reply=reply, owner=None))


def refused(conn: sa.Connection, id: int, now: datetime, reply: str) -> None:
    """Note that the mail will never be sent: the relay refused it for good, or it has waited for too long."""
    conn.execute(sa.update(table).where(table.c.id == id, _waiting).values(failed_at=now, reply=reply, owner=None))


def retry(conn: sa.Connection, id: int, retry_at: datetime, reply: str) -> None:
    """Note that the relay did not take the mail now; it is due again at ``retry_at``."""
    later = {"retry_at": retry_at, "reply": reply, "owner": None, "attempts": table.c.attempts + 1}
    conn.execute(sa.update(table).where(table.c.id == id, _waiting).values(later))


def waiting(conn: sa.Connection) -> int:
    """How many mails wait to be sent."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(_waiting)).scalar_one())
