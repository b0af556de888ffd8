"""Carrying out errands: what handlers want done elsewhere, once their messages are committed.

It comes after everything else, as the outbox does, so that a service that is away never holds up incoming mail. Each errand
is started at most three times without coming to an end (design promise 5), and tried for as long as a mail is.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailproc.database import errands, oopses
from mailproc.database.engine import database_failed, reading, writing
from mailproc.database.errands import QueuedErrand
from mailproc.errand import Errand
from mailproc.errors import Away, Interrupted, Rejected, Transient
from mailproc.failpoints import failpoint
from mailproc.handler import Handler, performs_of
from mailproc.oops import make_oops
from mailproc.patience import MAX_STARTS, PATIENCE, retry_after
from mailproc.processing.handling import named_log, single
from mailproc.processing.works import Works
from mailproc.reading import one_line

AT_ONCE = 100  # rows read together, so that memory stays flat
SECONDS = 60.0  # of one run
LOUD_AFTER = 6  # tries in vain: after an hour somebody should know, and then about once an hour
LONGEST_WAIT = 3600.0  # seconds that another side may ask for

log = logging.getLogger("mailproc")


def perform(works: Works) -> None:
    """Carry out what is due, the oldest first, for about a minute: the maildrops wait for us.

    Where an errand says that all is away (`Away`), the other errands of its handler wait with it.
    """
    away: dict[str, tuple[datetime, str]] = {}
    late = time.monotonic() + SECONDS
    while not works.watch.stopping():
        with reading(works.engine) as conn:
            rows = errands.due(conn, works.clock(), limit=AT_ONCE)
            others = works.owner.others(conn)
        mine = [row for row in rows if row.owner not in others]
        if not mine:
            return
        for row in mine:
            if works.watch.stopping() or time.monotonic() > late:
                return
            if row.handler in away:
                _postpone(works, row, *away[row.handler])
            elif (waits := _one(works, row)) is not None:
                away[row.handler] = waits


def _one(works: Works, row: QueuedErrand) -> tuple[datetime, str] | None:
    """Carry out one errand; answers until when the others of its handler wait and for what, None where they need not."""
    with writing(works.engine) as conn:
        if not errands.claim(conn, row, works.owner.id, works.clock()):
            return None
        url = errands.archive_url(conn, row.receipt_id)
    if row.starts >= MAX_STARTS:
        _fail(works, row, f"gave up after {MAX_STARTS} starts without an end", None)
        return None
    works.watch.starts(f"errand-{row.name}", url or "-")
    failpoint("errand-start")
    try:
        return _ended(works, row, url)
    finally:
        works.watch.finished(())


def _ended(works: Works, row: QueuedErrand, url: str | None) -> tuple[datetime, str] | None:
    try:
        with works.watch.interruptible():
            said = _perform(works, row, url)
    except Transient as error:
        return _wait(works, row, error)
    except Rejected as error:
        _refused(works, row, one_line(str(error), 500))
        return None
    except BaseException as error:  # what a handler raises costs its own errand, whatever it is, as in `handling`
        ours = isinstance(error, Interrupted) and works.watch.stopping()
        if not ours and not database_failed(error):
            _fail(works, row, f"{type(error).__name__} in the handler", error)
            return None
        with writing(works.engine) as conn:
            errands.give_back(conn, row)
        if ours:
            return None
        raise
    failpoint("errand-done")
    with writing(works.engine) as conn:
        errands.done(conn, row, works.clock(), one_line(said, 500))
    log.info("%s: done: %s", row.name, one_line(said))
    return None


def _perform(works: Works, row: QueuedErrand, url: str | None) -> str:
    perform = performs_of(_handler(works, row.handler))
    if perform is None:
        raise Away(f"the handler {row.handler}, which is bound to no domain, or carries out nothing any more")
    progress = _Progress(works, row, json.loads(row.progress))
    errand = Errand(
        id=row.name,
        payload=json.loads(row.payload),
        progress=progress.kept,
        attempt=row.attempts + 1,
        uncertain=row.claim > row.attempts,
        created_at=row.created_at,
        log=named_log(row.handler, row.name),
        _raw=_reader(works, url),
        _note=progress.note,
    )
    with single():
        said: object = perform(errand)
    if not isinstance(said, str):
        raise TypeError(f"perform returned {type(said).__name__}, not a note; what it has done is not known")
    return said


def _handler(works: Works, name: str) -> Handler | None:
    return next((binding.handler for _, binding in works.site.registry if binding.name == name), None)


def _reader(works: Works, url: str | None) -> Callable[[], bytes]:
    def read() -> bytes:
        if url is None:
            raise Away("the mail, whose receipt has gone")
        return works.archive.get(url)

    return read


@dataclass(frozen=True, slots=True)
class _Progress:
    """What has been done of an errand, in the database and for who carries it out."""

    works: Works
    row: QueuedErrand
    kept: dict[str, object]

    def note(self, name: str, value: object) -> None:
        after = {**self.kept, name: json.loads(json.dumps(value))}
        with writing(self.works.engine) as conn:
            if not errands.note(conn, self.row, after):
                raise Transient("another run, which has taken it over")
        self.kept.update(after)


def _wait(works: Works, row: QueuedErrand, error: Transient) -> tuple[datetime, str] | None:
    """Try again later, for as long as an MTA would (RFC 5321 section 4.5.4.1); then it has failed, and loudly.

    Where all is away the others wait too, but no longer than they must: they have not been tried so often.
    """
    now, reason = works.clock(), one_line(str(error), 500)
    asked = timedelta(seconds=min(max(0.0, error.after or 0.0), LONGEST_WAIT))
    if now - row.waiting_since >= PATIENCE:
        _fail(works, row, f"still waiting for {reason} after {PATIENCE.days} days", None)
    else:
        with writing(works.engine) as conn:
            errands.retry(conn, row, now + max(retry_after(row.attempts), asked), reason)
        log.log(logging.ERROR if row.attempts >= LOUD_AFTER else logging.WARNING, "%s: put off: %s", row.name, reason)
    return (now + max(retry_after(0), asked), reason) if isinstance(error, Away) else None


def _refused(works: Works, row: QueuedErrand, reason: str) -> None:
    """The other side will never do it: no fault of ours."""
    with writing(works.engine) as conn:
        errands.failed(conn, row, works.clock(), reason, None)
    log.warning("%s: not done: %s", row.name, reason)


def _postpone(works: Works, row: QueuedErrand, until: datetime, reason: str) -> None:
    with writing(works.engine) as conn:
        errands.postpone(conn, row, until, reason)


def _fail(works: Works, row: QueuedErrand, reason: str, bug: BaseException | None) -> None:
    """It will never be done; ``bug`` is the handler's."""
    now = works.clock()
    oops = make_oops(bug or reason, now=now, receipt_id=row.receipt_id)
    with writing(works.engine) as conn:
        oopses.insert(conn, oops)
        errands.failed(conn, row, now, reason, oops.id)
    log.error("%s: not done: %s: %s", row.name, oops.id, reason, exc_info=bug)
