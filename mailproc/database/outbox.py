"""The outbox: letters that were decided on and committed, each with its recipients, who wait for the relay.

A row is one recipient. It is waiting until ``sent_at`` or ``failed_at`` is set. Who sends it claims it first: the claim
rises, and of two who saw the same claim one wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from mailproc.database.due import due_by
from mailproc.database.tables import letter
from mailproc.database.tables import outbox as table

OCTETS_AT_ONCE = 16 * 1024 * 1024  # of letters that one question answers with, so that memory stays flat
KEPT_OF_A_LETTER = 64 * 1024  # octets of what has been sent: to be looked at, and not for the database to grow with
MOST_RECIPIENTS = 100  # of one mail transaction: what every server must take (RFC 5321 section 4.5.3.1.8)

_waiting = sa.and_(table.c.sent_at.is_(None), table.c.failed_at.is_(None))


def _ripe(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_waiting, due_by(table.c.retry_at, now))


@dataclass(frozen=True, slots=True)
class Post:
    """What is to be sent: the bytes ``raw`` to ``recipients``, each of whom gets a state of its own.

    ``tell`` is who is told of recipients that are refused for good, None for nobody.
    """

    raw: bytes
    reverse_path: str
    recipients: Sequence[str]
    message_id: str
    answer: bool = False
    tell: str | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A recipient that waits. ``claim`` is what `claim` must have seen; ``attempts`` counts the tries that came to nothing."""

    id: int
    receipt_id: str | None
    recipient: str
    created_at: datetime
    attempts: int
    claim: int
    owner: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes in one mail transaction: the bytes of a letter, and who of its recipients is due."""

    raw: bytes
    tell: str | None
    reverse_path: str
    rows: tuple[Queued, ...]


def queue(conn: sa.Connection, posts: Sequence[Post], *, receipt_id: str | None, now: datetime) -> list[int]:
    """Put what a message sends into the outbox; answers the numbers of its recipients.

    The same bytes are stored once, and nobody gets them twice from the same reverse path. An answer goes to the lower-case
    form of the address, in which users are registered, so that writing one's own address in another way does not get round
    the limit of answers.
    """
    letters: dict[tuple[bytes, str | None], int] = {}
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for post in posts:
        stored = (post.raw, post.tell)
        if stored not in letters:
            letters[stored] = _store(conn, *stored)
        for recipient in post.recipients:
            to = recipient.lower() if post.answer else recipient
            rows[letters[stored], post.reverse_path, to] = {
                "letter_id": letters[stored],
                "receipt_id": receipt_id,
                "answer": post.answer,
                "reverse_path": post.reverse_path,
                "recipient": to,
                "message_id": post.message_id,
                "created_at": now,
            }
    if not rows:
        return []
    numbered = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(conn.execute(numbered, list(rows.values())).scalars())


def _store(conn: sa.Connection, raw: bytes, tell: str | None) -> int:
    return int(conn.execute(sa.insert(letter).values(raw=raw, tell=tell).returning(letter.c.id)).scalar_one())


def answers_between(conn: sa.Connection, recipient: str, since: datetime, now: datetime) -> int:
    """How many answers to this address, in whatever case, were queued from ``since`` to ``now``.

    One that was queued later was so when the clock was wrong, and would count until that time has come.
    """
    lately = table.c.created_at.between(since, now)
    theirs = sa.and_(table.c.recipient == recipient.lower(), lately, table.c.answer)
    return int(conn.execute(sa.select(sa.func.count()).where(theirs)).scalar_one())


_Key: TypeAlias = tuple[int, str, bool]


def due(conn: sa.Connection, now: datetime, limit: int) -> list[Batch]:
    """What is to be sent now, the oldest first: about ``limit`` recipients, and no more octets than fit, but at least one.

    Who is due of the same letter and reverse path goes together, also a little beyond the limit, and apart from those whose
    address is not ASCII: these need SMTPUTF8 on the whole way (RFC 6531), which the others do not.
    """
    columns = [table.c[name] for name in (*Queued.__slots__, "letter_id", "reverse_path")]
    size = sa.func.length(letter.c.raw).label("size")
    ripe = sa.select(*columns, size).join(letter).where(_ripe(now)).order_by(table.c.id).limit(limit + MOST_RECIPIENTS)
    groups: dict[_Key, list[Queued]] = {}
    sizes: dict[int, int] = {}
    for number, row in enumerate(conn.execute(ripe)):
        key = (row.letter_id, row.reverse_path, row.recipient.isascii())
        if number < limit or key in groups:
            sizes[row.letter_id] = row.size
            groups.setdefault(key, []).append(Queued(*row[: len(Queued.__slots__)]))
    letters = _letters(conn, list(_that_fit(sizes)))
    return [batch for key, rows in groups.items() if key[0] in letters for batch in _batches(letters[key[0]], key[1], rows)]


def _that_fit(sizes: dict[int, int]) -> Iterator[int]:
    octets = 0
    for id, size in sizes.items():
        if octets and octets + size > OCTETS_AT_ONCE:
            return
        octets += size
        yield id


def _letters(conn: sa.Connection, ids: list[int]) -> dict[int, tuple[bytes, str | None]]:
    if not ids:
        return {}
    found = conn.execute(sa.select(letter.c.id, letter.c.raw, letter.c.tell).where(letter.c.id.in_(ids)))
    return {row.id: (row.raw, row.tell) for row in found}


def _batches(stored: tuple[bytes, str | None], reverse_path: str, rows: list[Queued]) -> Iterator[Batch]:
    for start in range(0, len(rows), MOST_RECIPIENTS):
        yield Batch(*stored, reverse_path, tuple(rows[start : start + MOST_RECIPIENTS]))


def claim(conn: sa.Connection, id: int, seen: int, owner: str, now: datetime) -> bool:
    """Take a recipient for sending; False when somebody else took it since its claim was ``seen``, or it is no longer due."""
    ours = sa.and_(table.c.id == id, table.c.claim == seen, _ripe(now))
    taken = conn.execute(sa.update(table).where(ours).values(claim=seen + 1, owner=owner))
    return taken.rowcount == 1


def sent(conn: sa.Connection, id: int, now: datetime, reply: str) -> None:
    """Note that the relay took the mail to this recipient, and what it said."""
    conn.execute(sa.update(table).where(table.c.id == id).values(sent_at=now, reply=reply, owner=None))


def refused(conn: sa.Connection, id: int, now: datetime, reply: str, status: str = "", *, tells: bool = False) -> None:
    """Note that it will never be sent: the relay refused the recipient or the mail for good, or it has waited for too long.

    ``tells`` says that somebody is to be told of it, as `mailproc.database.untold` has it.
    """
    lost = {"failed_at": now, "reply": reply, "status": status or None, "owner": None, "told_at": None if tells else now}
    conn.execute(sa.update(table).where(table.c.id == id, _waiting).values(lost))


def retry(conn: sa.Connection, id: int, retry_at: datetime, reply: str) -> None:
    """Note that the relay did not take it now; it is due again at ``retry_at``."""
    later = {"retry_at": retry_at, "reply": reply, "owner": None, "attempts": table.c.attempts + 1}
    conn.execute(sa.update(table).where(table.c.id == id, _waiting).values(later))


def cut_letters(conn: sa.Connection, rows: Sequence[int]) -> None:
    """Cut the letters of these recipients that nobody waits for any more: what is large is in the archive, and was sent.

    An answer is not large, and what it has of the mail is a part of what was said.
    """
    theirs = sa.select(table.c.letter_id).where(table.c.id.in_(rows), ~table.c.answer)
    waits = sa.exists().where(table.c.letter_id == letter.c.id, _waiting)
    over = sa.and_(letter.c.id.in_(theirs), sa.func.length(letter.c.raw) > KEPT_OF_A_LETTER, ~waits)
    conn.execute(sa.update(letter).where(over).values(raw=sa.func.substr(letter.c.raw, 1, KEPT_OF_A_LETTER)))


def waiting(conn: sa.Connection) -> int:
    """How many recipients wait for their mail to be sent."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(_waiting)).scalar_one())


def recipients_of(conn: sa.Connection, receipt_id: str) -> list[dict[str, Any]]:
    """What became of everybody to whom a message sends: sent, refused or waiting, and the last words of the relay."""
    columns = [table.c[name] for name in ("recipient", "answer", "sent_at", "failed_at", "retry_at", "reply")]
    rows = conn.execute(sa.select(*columns).where(table.c.receipt_id == receipt_id).order_by(table.c.id))
    return [{"state": _state(row), **row._mapping} for row in rows]


def _state(row: sa.Row[Any]) -> str:
    return "sent" if row.sent_at else "refused" if row.failed_at else "waiting"
