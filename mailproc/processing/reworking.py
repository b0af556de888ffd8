"""Working messages whose bytes come from the archive: put back by an operator, left waiting, or waiting too long."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection, Row

from mailproc.database import endings, ledger, receipts
from mailproc.database.engine import reading, writing
from mailproc.database.ledger import WITHOUT_EFFECT, Busy, Started
from mailproc.envelope import BEGINNING
from mailproc.errors import Away, MailprocError
from mailproc.outcome import Disposition
from mailproc.patience import PATIENCE
from mailproc.processing.ending import close
from mailproc.processing.handling import Job, waited_in_vain
from mailproc.processing.receiving import Arrived, Parcel, renew_lease
from mailproc.processing.working import last_look, work
from mailproc.processing.works import Works
from mailproc.reading import read_message
from mailproc.recipients import Recipients

log = logging.getLogger("mailproc")


def reprocess(works: Works, id: str) -> Disposition | None:
    """Run a failed or dropped message again from the archive; answers how it ended, None when it was interrupted.

    Raises `MailprocError` for a message that may have had its effect, that still waits, or that is not known.
    """
    row = _row(works, id)
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
    return work(works, [replace(parcel, entries=(entry,))]).get(id)


def resume(works: Works) -> None:
    """Take up what waits and has left its maildrop: it was processed again, and deferred or cut short."""
    with reading(works.engine) as conn:
        rows = endings.left_waiting(conn, works.clock())
    for row, parcel in _with_mails(works, rows):
        with writing(works.engine) as conn:
            entry = Busy(row.id) if _held_by_another(works, conn, row) else ledger.restart(conn, row.id, works.owner.id)
        work(works, [replace(parcel, entries=(entry,))])


def expire(works: Works) -> None:
    """End what has waited for longer than an MTA would, wherever its mail is now: it has failed, and loudly."""
    with reading(works.engine) as conn:
        rows = endings.overdue(conn, works.clock())
    for row, parcel in _with_mails(works, rows):
        with writing(works.engine) as conn:
            if not _held_by_another(works, conn, row):
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


def _held_by_another(works: Works, conn: Connection, row: Row[Any]) -> bool:
    return row.owner is not None and row.owner in works.owner.living(conn) - {works.owner.id}


def _expire(works: Works, conn: Connection, row: Row[Any], parcel: Parcel) -> None:
    entry = ledger.restart(conn, row.id, works.owner.id)
    if isinstance(entry, Started):
        job = last_look(works, Job(entry, parcel, parcel.envelope(row.recipient)))
        close(works, conn, job, waited_in_vain(row.reason or "its maildrop", PATIENCE))


def _row(works: Works, id: str) -> Row[Any]:
    with reading(works.engine) as conn:
        row = receipts.find_receipt(conn, id)
    if row is None:
        raise MailprocError(f"there is no message {id}; type: mailproc messages list")
    return row


def _parcel(works: Works, row: Row[Any]) -> Parcel:
    large = row.size > works.site.max_size
    raw = works.archive.beginning(row.archive_url, BEGINNING) if large else works.archive.get(row.archive_url)
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
