"""Attending a client that waits at a door: its message is worked here and now, and it hears what came of it.

The mail is the client's until it has heard a 250. What is not final then waits for the client to come again, and for nobody
else: no run takes it up (RFC 5321 section 4.2.5).
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mailproc.database import receipts, spool
from mailproc.database.engine import writing
from mailproc.database.ledger import Busy, Closed, Entry, Started
from mailproc.outcome import Disposition, Outcome
from mailproc.processing.ending import TOLD, tell_by_mail
from mailproc.processing.handling import Job
from mailproc.processing.receiving import Arrived, Parcel, receive
from mailproc.processing.working import Ends, last_look, work
from mailproc.processing.works import Works
from mailproc.replies import IN_HAND, STOPPING, joint, read_reply, reply_of
from mailproc.reply import Reply


def attend(works: Works, arrived: Arrived, *, one_reply: bool) -> list[Reply]:
    """Bring one message to its ends; answers a reply for each of its recipients, or ``one_reply`` for all of them.

    Raises `Away` when the archive or the database is: then the mail is the client's as before.
    """
    (parcel,) = receive(works, [arrived])
    ends = work(works, [parcel])
    replies = [_reply(works, entry, ends) for entry in parcel.entries]
    if not one_reply:
        return replies
    whole = joint(replies)
    if whole.accepts and not all(reply.accepts for reply in replies):
        _settle(works, parcel, ends)
    return [whole]


def _reply(works: Works, entry: Entry, ends: Ends) -> Reply:
    if isinstance(entry, Closed):
        outcome = Outcome(Disposition(entry.disposition), "This mail was refused before")
        return read_reply(entry.reply) if entry.reply else reply_of(outcome, id=entry.id, oops_id="an earlier one")
    if isinstance(entry, Busy):
        return reply_of(Outcome(Disposition.HANDLED), id=entry.id) if entry.ours else IN_HAND
    if entry.id in ends:
        return ends[entry.id].reply
    return STOPPING if works.watch.stopping() else IN_HAND


def _settle(works: Works, parcel: Parcel, ends: Ends) -> None:
    """The client is told 250 because of one recipient; the others, whom it will not hear of, are ours from now on.

    Who waits is worked by the next run, who was refused is told by mail.
    """
    with writing(works.engine) as conn:
        spool.take_over(conn, [entry.id for entry in parcel.entries], works.clock())
        for entry in parcel.entries:
            end = ends.get(entry.id)
            if end is not None and end.final and end.disposition in TOLD:
                tell_by_mail(works, conn, end.job, end.result.outcome, end.facts["oops_id"])
            elif isinstance(entry, Closed) and entry.disposition in TOLD:
                _tell_late(works, conn, parcel, entry)


def _tell_late(works: Works, conn: Connection, parcel: Parcel, entry: Closed) -> None:
    """The same for one that had ended when the client came again: we died before it could be told."""
    row = receipts.find_receipt(conn, entry.id)
    assert row is not None  # noqa: S101 - receipts are never removed while their mail is in hand
    started = Started(row.id, row.recipient, row.claim, row.attempts, row.deferrals, row.waiting_since)
    job = last_look(works, Job(started, parcel, parcel.envelope(row.recipient)))
    tell_by_mail(works, conn, job, Outcome(Disposition(row.disposition), row.reason or "", row.rule or ""), row.oops_id)
