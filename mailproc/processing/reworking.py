"""Working messages whose bytes come from the archive: put back by an operator, left waiting, or waiting too long."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from mailproc.database import endings, errands, ledger, receipts, spool
from mailproc.database.engine import reading, writing
from mailproc.database.ledger import WITHOUT_EFFECT, Busy, Entry, Started
from mailproc.errors import Away, MailprocError
from mailproc.outcome import Disposition
from mailproc.patience import PATIENCE
from mailproc.processing.ending import close
from mailproc.processing.gathering import beginning_of
from mailproc.processing.handling import Job, waited_in_vain
from mailproc.processing.policy import Budget, ChunkLimits
from mailproc.processing.receiving import Arrived, Parcel, renew_lease
from mailproc.processing.working import last_look, work
from mailproc.processing.works import Works
from mailproc.reading import read_message
from mailproc.recipients import Recipients

log = logging.getLogger("mailproc")


def reprocess(works: Works, id: str) -> Disposition | None:
    """Run a failed or dropped message again from the archive; answers how it ended, None when it was interrupted.

    Of one that was handled only what could not be done elsewhere is tried again. Raises `MailprocError` for a message that may
    have had its effect, that still waits, or that is not known.
    """
    row = _row(works, id)
    if row.disposition == Disposition.HANDLED and _tried_again(works, id):
        return Disposition.HANDLED
    if row.disposition not in WITHOUT_EFFECT:
        end = row.disposition or "waiting"
        raise MailprocError(f"{id} is {end}: only {' and '.join(WITHOUT_EFFECT)} messages are processed again")
    parcel = _parcel(works, row)
    now = works.clock()
    works.note_pending()
    with writing(works.engine) as conn:
        renew_lease(works, conn)
        ledger.reopen(conn, id, works.owner.id, now)
        entry = ledger.restart(conn, id, works.owner.id)
    ended = work(works, [replace(parcel, entries=(entry,))]).get(id)
    return ended.disposition if ended else None


def _tried_again(works: Works, id: str) -> bool:
    works.note_pending()
    with writing(works.engine) as conn:
        return errands.try_again(conn, id, works.clock())


def resume(works: Works, limits: ChunkLimits, budget: Budget) -> None:
    """Take up what waits and whose source has let go of it: a door has taken it over, or it was processed again.

    Chunk by chunk; one that has died with us before is a chunk of its own.
    """
    for chunk in _chunks(works, limits, budget):
        works.watch.expects(len(chunk))
        found = list(_with_mails(works, chunk))
        entries = _claim(works, [row for row, _ in found])
        work(works, [replace(parcel, entries=(entry,)) for (_, parcel), entry in zip(found, entries, strict=True)])


def _chunks(works: Works, limits: ChunkLimits, budget: Budget) -> Iterator[list[Row[Any]]]:
    """What waits now, the oldest first, in chunks that are bounded as those of a maildrop are; the suspect last and alone."""
    for suspect in (False, True):
        behind: tuple[datetime, str] | None = None
        while not (works.watch.stopping() or budget.late):
            works.give_way()
            with reading(works.engine) as conn:
                at_most = 1 if suspect else limits.messages
                rows = spool.waiting(conn, works.clock(), behind=behind, limit=at_most, suspect=suspect)
            chunk = budget.cut(_first_chunk(rows, limits))
            if not chunk:
                break
            behind = (chunk[-1].received_at, chunk[-1].id)
            yield list(chunk)


def _first_chunk(rows: Sequence[Row[Any]], limits: ChunkLimits) -> Sequence[Row[Any]]:
    octets = 0
    for number, row in enumerate(rows):
        octets += row.size
        if number and octets > limits.octets:
            return rows[:number]
    return rows


def _claim(works: Works, rows: Sequence[Row[Any]]) -> list[Entry]:
    """T1 for what is in the archive already."""
    with writing(works.engine) as conn:
        renew_lease(works, conn)
        others = works.owner.others(conn)
        return [ledger.restart(conn, row.id, works.owner.id, others, due=works.clock()) for row in rows]


def expire(works: Works) -> None:
    """End what has waited for longer than an MTA would, wherever its mail is now: it has failed, and loudly."""
    with reading(works.engine) as conn:
        rows = endings.overdue(conn, works.clock())
    for row, parcel in _with_mails(works, rows):
        with writing(works.engine) as conn:
            _expire(works, conn, row, parcel)


def _with_mails(works: Works, rows: Iterable[Row[Any]]) -> Iterator[tuple[Row[Any], Parcel]]:
    """The receipts with their mails, one after the other, until we are to stop; one that cannot be read is passed over."""
    for row in rows:
        if works.watch.stopping():
            return
        try:
            yield row, _parcel(works, row)
        except Away:
            raise
        except MailprocError as error:
            log.error("%s waits, and its mail cannot be read: %s", row.id, error)


def _expire(works: Works, conn: Connection, row: Row[Any], parcel: Parcel) -> None:
    entry = ledger.restart(conn, row.id, works.owner.id, works.owner.others(conn))
    if isinstance(entry, Started):
        # Where a client was to come again it has given up: it has told the sender itself, and is told nothing more.
        waited = replace(parcel, arrived=replace(parcel.arrived, client_waits=ledger.is_clients(row)))
        job = last_look(works, Job(entry, waited, waited.envelope(row.recipient)))
        close(works, conn, job, waited_in_vain(row.reason or "its maildrop", PATIENCE))


def _row(works: Works, id: str) -> Row[Any]:
    with reading(works.engine) as conn:
        row = receipts.find_receipt(conn, id)
    if row is None:
        raise MailprocError(f"there is no message {id}; type: mailproc messages list")
    return row


def _parcel(works: Works, row: Row[Any]) -> Parcel:
    large = row.size > works.site.max_size
    raw = beginning_of(works.archive, row.archive_url) if large else works.archive.get(row.archive_url)
    arrived = Arrived(
        raw=raw,
        message=read_message(raw),
        size=row.size,
        arrival=row.arrival,
        entrance=row.entrance,
        recipients=Recipients((row.recipient,)),
        reverse_path=row.reverse_path,
    )
    return Parcel(arrived, row.sha256, row.archive_url, (Busy(row.id),))
