"""Working a chunk: everything up to the commit that makes effects and outcomes true together (T2).

The messages are examined first, outside of any transaction, because an open one locks other writers out on SQLite.
Then their handlers run, each behind a savepoint of ours, and one commit makes the chunk true.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy.engine import Connection

from mailproc.database import fence
from mailproc.database.engine import database_failed, writing
from mailproc.database.ledger import Started
from mailproc.errors import Interrupted, MailprocError
from mailproc.failpoints import failpoint
from mailproc.outcome import Disposition, Outcome
from mailproc.pipeline import Examined, examine, look
from mailproc.processing.ending import Ended, close
from mailproc.processing.handling import BrokenTransaction, Job, Result, failure, run_handler
from mailproc.processing.receiving import Parcel, renew_lease
from mailproc.processing.survival import survives
from mailproc.processing.works import Works
from mailproc.reading import one_line, read_message

COMMIT_AFTER = 1.0  # seconds of handlers' work: an open chunk locks out other writers on SQLite

log = logging.getLogger("mailproc")

Ends = dict[str, Ended]


def work(works: Works, parcels: Iterable[Parcel]) -> Ends:
    """Bring every started message of ``parcels`` to its end; answers how each receipt ended.

    Raises `Away` when the database is. A message that was not worked, because we were asked to stop or because of the
    database alone, has its start given back.
    """
    queue = deque(_jobs(parcels))
    ends: Ends = {}
    try:
        queue = deque(_examined(works, queue))
        while queue and not works.watch.stopping():
            _commit_chunk(works, queue, ends)
        _give_back(works, [job.started for job in queue])
    except MailprocError:  # whatever else it is, the starts count: it may be the mail
        works.note_debt([job.started.id for job in queue])
        raise
    return ends


def _jobs(parcels: Iterable[Parcel]) -> list[Job]:
    """One job for each claimed receipt; the same bytes twice in a chunk are one job."""
    jobs = {
        entry.id: Job(entry, parcel, parcel.envelope(entry.recipient))
        for parcel in parcels
        for entry in parcel.entries
        if isinstance(entry, Started)
    }
    return list(jobs.values())


def _examined(works: Works, jobs: Collection[Job]) -> list[Job]:
    """Examine all jobs; the signatures of a chunk are verified by a small pool, because each waits for a process."""

    def one(job: Job) -> Job:
        works.watch.starts(job.started.id, job.parcel.archive_url)
        return last_look(works, job) if job.started.gave_up else examine_job(works, job)

    # A last look forks, which is safe only where no other thread may hold a lock.
    if len(jobs) < 2 or any(job.started.gave_up for job in jobs):
        return [one(job) for job in jobs]
    with ThreadPoolExecutor(works.verify_threads) as pool:
        return list(pool.map(one, jobs))


def examine_job(works: Works, job: Job) -> Job:
    """Examine one; a bug of ours in there costs this message alone (design promise 5)."""
    arrived = job.parcel.arrived
    try:
        return replace(
            job, examined=examine(job.envelope, arrived.message, size=arrived.size, arrival=arrived.arrival, site=works.site)
        )
    except Exception as error:
        if database_failed(error) or isinstance(error, MailprocError):
            raise
        return replace(job, bug=error)


def last_look(works: Works, job: Job) -> Job:
    """See what may be seen of a message that is set aside: only what a child process has survived seeing.

    It has killed its process three times. Its sender is told only when it was not the look at it that killed.
    """
    raw, size = job.envelope.raw, job.parcel.arrived.size

    def seen() -> Examined:
        message = read_message(raw)
        message.text, message.attachments  # noqa: B018 - reading is lazy, and the answer quotes them
        return look(job.envelope, message, size=size, site=works.site)

    if not survives(seen):
        return job
    examined = seen()
    user = works.site.directory.user_of(examined.author) if examined.author else None
    return replace(job, examined=replace(examined, user=user))


def _commit_chunk(works: Works, queue: deque[Job], ends: Ends) -> None:
    """One T2; where it fails it is rolled back whole, and what was in it is redone message by message."""
    tried: list[Job] = []
    try:
        done = _transaction(works, queue, tried)
    except Exception as error:
        if not tried:
            raise
        log.warning("a chunk was rolled back and is redone message by message: %s", one_line(str(error)))
    else:
        for _ in tried:  # the last of them may have been interrupted: its start counts, so that it comes last and alone
            queue.popleft()
        failpoint("after-commit")
        _note(works, ends, done)
        return
    # Only now, when that error is no longer at hand: it would be the context of what a handler raises, and be blamed for it.
    for job in tried:
        done = [] if works.watch.stopping() else _redo(works, job)
        if not done:
            return
        queue.popleft()
        _note(works, ends, done)


def _note(works: Works, ends: Ends, done: Sequence[Ended | None]) -> None:
    """What was committed is true now: it may be told."""
    for ended in done:
        if ended is not None:
            ended.tell()
            ends[ended.id] = ended
    works.watch.finished([ended.disposition for ended in done if ended is not None])


def _transaction(works: Works, queue: Iterable[Job], tried: list[Job]) -> list[Ended | None]:
    """Work until the queue ends, time is up, we are asked to stop, or effects elsewhere want a commit of their own.

    Answers one end for each job from the front of the queue, None for one that another run has taken over.
    """
    done: list[Ended | None] = []
    with writing(works.engine) as conn:
        began = time.monotonic()
        for job in queue:
            if tried and (job.external or tried[-1].external or time.monotonic() - began > COMMIT_AFTER):
                break
            if works.watch.stopping():
                break
            tried.append(job)
            try:
                done.append(_work_one(works, conn, job))
            except Interrupted:
                break
        renew_lease(works, conn)
        failpoint("before-commit")
    return done


def _work_one(works: Works, conn: Connection, job: Job) -> Ended | None:
    """Run one message behind the fence; one that somebody else has taken over is left to them."""
    if not fence.hold(conn, job.started):
        log.info("%s: taken over by another run", job.started.id)
        return None
    works.watch.starts(job.started.id, job.parcel.archive_url)
    return close(works, conn, job, run_handler(works, conn, job))


def _redo(works: Works, job: Job) -> list[Ended | None]:
    """One message alone, through T1 again, which keeps the number of starts: the process lives, so nothing was shown
    about the mail. Raises what says that the database failed for ourselves too: then it is away.
    """
    with writing(works.engine) as conn:
        again = fence.reclaim(conn, job.started)
    if again is None:
        return [None]
    job = replace(job, started=again)
    try:
        return _transaction(works, [job], [])
    except BrokenTransaction as broken:
        result = failure(broken)
    except Exception as error:
        if database_failed(error):
            result = Result(Outcome(Disposition.DEFERRED, one_line(str(error)), "database"))
        else:  # a bug of ours in ending it: it ends without what may have caused that
            job, result = replace(job, examined=None), failure(error, "ending")
    with writing(works.engine) as conn:
        return [close(works, conn, job, result)]


def _give_back(works: Works, started: Sequence[Started]) -> None:
    if started:
        with writing(works.engine) as conn:
            fence.give_back(conn, [one.id for one in started])
