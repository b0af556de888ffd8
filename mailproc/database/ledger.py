"""The ledger: a receipt for every message and recipient, opened and claimed by T1, and fenced until T2 ends it.

A receipt that waits belongs to where the mail still is: to its maildrop; to a client that was not told 250, when it has
no maildrop; or to us, when its source has let go of it (``deleted_at``) and only the archive has the mail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailproc.database.due import is_due
from mailproc.database.tables import Instant, receipt, tally
from mailproc.database.upsert import insert_new
from mailproc.patience import MAX_STARTS

WITHOUT_EFFECT = ("failed", "dropped")  # how a message ends that may be run again


def receipt_id(sha256: str, recipient: str) -> str:
    """The id of the receipt of these bytes for this recipient: 24 hex digits, the same wherever it is computed."""
    return hashlib.sha256(f"{sha256}\n{recipient}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: a maildrop and its uid there (RFC 3501 section 2.3.1.1)."""

    maildrop: str
    uidvalidity: int | None
    uid: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What a receipt is opened with."""

    sha256: str
    recipient: str
    size: int
    entrance: str
    place: Place | None
    reverse_path: str | None
    message_id: str | None
    archive_url: str
    arrival: datetime

    @property
    def id(self) -> str:
        """The receipt's id."""
        return receipt_id(self.sha256, self.recipient)


@dataclass(frozen=True, slots=True)
class Started:
    """A receipt that this process has claimed and may work on, as T1 left it.

    ``attempt`` counts this start; ``claim`` is the fence. ``gave_up`` says that it was started too often already.
    """

    id: str
    recipient: str
    claim: int
    attempt: int
    deferrals: int
    waiting_since: datetime
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A receipt that is final already: this is an unfinished deletion, or a copy.

    ``copy`` says that it is another one than the one that the receipt is of, which is still in its place. ``reply`` is what a
    client was told of it, None when none waited.
    """

    id: str
    disposition: str
    copy: bool = False
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """A receipt that waits for its time or is in another process's hands; ``ours`` says that only the archive has the mail."""

    id: str
    ours: bool = False


Entry = Started | Closed | Busy


def receive(conn: Connection, openings: Sequence[Opening], *, me: str, others: Set[str], now: datetime) -> dict[str, Entry]:
    """Open or take up the receipts of a chunk and count a start for each; part of T1.

    ``others`` are those besides ``me`` who live. Answers an entry for each receipt id.
    """
    # In the order of their ids: of two that met the same mails in unlike orders, each would wait for the other.
    by_id = {opening.id: opening for opening in sorted(openings, key=lambda opening: opening.id)}
    started = {"attempts": 1, "claim": 1, "owner": me}
    new = open_new(conn, [{**fresh_row(opening, now), **started} for opening in by_id.values()])
    entries: dict[str, Entry] = {id: Started(id, by_id[id].recipient, 1, 1, 0, now) for id in new}
    known = conn.execute(
        sa.select(receipt).where(receipt.c.id.in_([id for id in by_id if id not in new])).order_by(receipt.c.id)
    )
    for row in known.all():
        entries[row.id] = _take_up(conn, row, by_id[row.id], me, others, now)
    return entries


def open_new(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Enter those receipts that are not there yet, and count them; answers their ids."""
    new = {row.id for row in insert_new(conn, receipt, rows)} if rows else set()
    _count(conn, "seen", len(new))
    return new


def fresh_row(opening: Opening, now: datetime) -> dict[str, Any]:
    """The columns of a receipt that nobody has started."""
    return {
        "id": opening.id,
        "sha256": opening.sha256,
        "recipient": opening.recipient,
        "size": opening.size,
        "entrance": opening.entrance,
        **_place_columns(opening.place),
        "reverse_path": opening.reverse_path,
        "message_id": opening.message_id,
        "archive_url": opening.archive_url,
        "arrival": opening.arrival,
        "received_at": now,
        "waiting_since": now,
        "attempts": 0,
        "claim": 0,
        "deferrals": 0,
        "copies": 0,
    }


def _place_columns(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"maildrop": None, "uidvalidity": None, "uid": None}
    return {"maildrop": place.maildrop, "uidvalidity": place.uidvalidity, "uid": place.uid}


def _count(conn: Connection, name: str, number: int) -> None:
    if not number:
        return
    if conn.execute(sa.update(tally).where(tally.c.name == name).values(count=tally.c.count + number)).rowcount == 0:
        insert_new(conn, tally, [{"name": name, "count": 0}])
        _count(conn, name, number)


def _take_up(conn: Connection, row: Row[Any], opening: Opening, me: str, others: Set[str], now: datetime) -> Entry:
    """Decide about a receipt that was there before."""
    if row.disposition is not None:
        return _meet_again(conn, row, opening, me, now)
    if row.owner in others or not (is_clients(row) or (opening.place is not None and is_due(row.retry_at, now))):
        return Busy(row.id, ours=row.deleted_at is not None)
    return _start(conn, row, opening.place, me, attempts=row.attempts, waiting_since=row.waiting_since)


def is_clients(row: Row[Any]) -> bool:
    """Whether a client owns the mail: when it comes again it is time, whatever we have put it off to."""
    return row.maildrop is None and row.deleted_at is None


def _meet_again(conn: Connection, row: Row[Any], opening: Opening, me: str, now: datetime) -> Entry:
    """A receipt that is final: our own unfinished deletion, a copy, or a failed mail that somebody put back."""
    here = (row.maildrop, row.uidvalidity, row.uid)
    place = opening.place
    if place is None:
        conn.execute(sa.update(receipt).where(receipt.c.id == row.id).values(copies=receipt.c.copies + 1))
        return Closed(row.id, row.disposition, copy=True, reply=row.reply)
    if here == (place.maildrop, place.uidvalidity, place.uid) and row.deleted_at is None:
        return Closed(row.id, row.disposition)
    void = row.deleted_at is not None or (row.maildrop == place.maildrop and row.uidvalidity != place.uidvalidity)
    if row.disposition == "failed" and void:  # it had left: somebody has put it back
        return _start(conn, reopen(conn, row.id, me, now), place, me, attempts=0, waiting_since=now)
    moved = {**_place_columns(place), "deleted_at": None} if void else {}
    conn.execute(sa.update(receipt).where(receipt.c.id == row.id).values(copies=receipt.c.copies + 1, **moved))
    return Closed(row.id, row.disposition, copy=not void)


def _start(
    conn: Connection, row: Row[Any], place: Place | None, me: str, *, attempts: int, waiting_since: datetime
) -> Started | Busy:
    """Count a start and take the claim; a claim that rose meanwhile means that another process was faster."""
    gave_up = attempts >= MAX_STARTS
    attempt = attempts if gave_up else attempts + 1
    # What a door has taken over stays ours, although a copy lies in a maildrop: somebody else may remove that.
    ours = row.maildrop is None and row.deleted_at is not None
    where = {**_place_columns(place), "deleted_at": None} if place is not None and not ours else {}
    taken = conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == row.id, receipt.c.claim == row.claim, receipt.c.disposition.is_(None))
        .values(attempts=attempt, claim=row.claim + 1, owner=me, **where)
    )
    if taken.rowcount != 1:
        return Busy(row.id)
    return Started(row.id, row.recipient, row.claim + 1, attempt, row.deferrals, waiting_since, gave_up)


def reopen(conn: Connection, id: str, me: str, now: datetime) -> Row[Any]:
    """Make a receipt that ended without an effect wait again from the start; answers the row as it is now.

    The number of the claim and the OOPS stay. One that was handled meanwhile stays as it is. What came by a door waits for
    us now, and not for its client to come again.
    """
    left = sa.case(
        (receipt.c.maildrop.is_(None), sa.func.coalesce(receipt.c.deleted_at, sa.literal(now, Instant))),
        else_=receipt.c.deleted_at,
    )
    anew = {"disposition": None, "attempts": 0, "deferrals": 0, "retry_at": None, "finished_at": None, "deleted_at": left}
    conn.execute(
        sa.update(receipt)
        .where(receipt.c.id == id, receipt.c.disposition.in_(WITHOUT_EFFECT))
        .values(**anew, waiting_since=now, owner=me, reported_at=None)
    )
    return conn.execute(sa.select(receipt).where(receipt.c.id == id)).one()


def restart(conn: Connection, id: str, me: str, others: Set[str] = frozenset(), *, due: datetime | None = None) -> Entry:
    """Take up a waiting receipt whose bytes come from the archive, as `receive` does for a maildrop.

    One that belongs to one of the ``others``, who live, is left to them, and so is one that is not ``due`` at this time, if one
    is given: what was read of it before may be old.
    """
    row = conn.execute(sa.select(receipt).where(receipt.c.id == id)).one()
    if row.disposition is not None:
        return Closed(id, row.disposition)
    if row.owner in others or (due is not None and not is_due(row.retry_at, due)):
        return Busy(id)
    return _start(conn, row, None, me, attempts=row.attempts, waiting_since=row.waiting_since)
