"""Emptying one maildrop: what is finished leaves it, what waits is received and worked in chunks.

The connection belongs to one thread: the next chunk is fetched while this one is worked, and a removal queues behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from mailproc.database import places
from mailproc.database.due import is_due
from mailproc.database.engine import reading
from mailproc.database.ledger import Busy, Closed, Entry
from mailproc.database.places import Known
from mailproc.errors import Away
from mailproc.maildrops import Maildrop
from mailproc.processing.fetching import Fetching
from mailproc.processing.policy import Budget, ChunkLimits, DropPolicy
from mailproc.processing.receiving import Parcel, receive
from mailproc.processing.removing import note_left, remove
from mailproc.processing.working import Ends, work
from mailproc.processing.works import Works

log = logging.getLogger("mailproc")

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with the messages of a maildrop, by uid.

    ``fresh`` are fetched in chunks, ``suspect`` after them and one by one; ``finished`` leave as it is said; ``left``
    have left before, and the ledger does not know it yet.
    """

    fresh: Sequence[str]
    suspect: Sequence[str]
    finished: Mapping[str, str]
    left: Sequence[str]


def empty(works: Works, drop: Maildrop, policy: DropPolicy, limits: ChunkLimits, budget: Budget) -> bool:
    """Work off one maildrop; answers whether all was done that could be, False when the budget or a stop cut it short.

    Raises `Away` when the maildrop, the archive or the database is, and at the end when messages could not be read or deleted:
    what was not finished is still in the maildrop.
    """
    with ThreadPoolExecutor(1, "maildrop") as wire:
        uids, marked = wire.submit(lambda: (drop.uids(), drop.marked())).result()
        plan = make_plan(works, drop, policy, uids, marked)
        note_left(works, drop, plan.left)
        stay = wire.submit(remove, works, drop, plan.finished).result()
        fresh, suspect = budget.cut(plan.fresh), budget.cut(plan.suspect)
        works.watch.expects(len(fresh) + len(suspect))
        fetching = Fetching(drop, policy, limits, works.site, works.archive)
        chunks = fetching.chunks(fresh, suspect)
        ahead = wire.submit(next, chunks, None)
        while (arrived := ahead.result()) is not None:
            if works.watch.stopping() or budget.late:
                return False
            ahead = wire.submit(next, chunks, None)
            if not arrived:
                continue
            works.give_way()
            parcels = receive(works, arrived)
            ends = work(works, parcels)
            stay += wire.submit(remove, works, drop, leaving(policy, parcels, ends)).result()
    works.note_too_large(drop.name, fetching.too_large)
    _tell(drop, drop.unreadable(), "fetched")
    _tell(drop, stay, "deleted")
    return not works.watch.stopping() and len(fresh) + len(suspect) == len(plan.fresh) + len(plan.suspect)


def _tell(drop: Maildrop, uids: Sequence[str], verb: str) -> None:
    if uids:
        named = ", ".join(uids[:_MOST_NAMED]) + (", ..." if len(uids) > _MOST_NAMED else "")
        raise Away(f"maildrop {drop.name}: {len(uids)} messages cannot be {verb}: {named}")


def make_plan(works: Works, drop: Maildrop, policy: DropPolicy, uids: Sequence[str], marked: Sequence[str]) -> Plan:
    """Compare the maildrop with the ledger.

    A message that is not yet due is not fetched again. One that has died with us before comes last and alone, so that
    it cannot take its neighbours along. What is ours and marked is only expunged (a run died between STORE and
    EXPUNGE); what another client has marked is theirs (design promise 6).
    """
    now = works.clock()
    with reading(works.engine) as conn:
        known = places.known_at(conn, drop.name, drop.uidvalidity)
    here = set(uids) | set(marked)
    wanted = [uid for uid in uids if uid not in known or _due(known[uid], now)]
    ends = {uid: [end for end in one.dispositions if end] for uid, one in known.items() if one.final}
    return Plan(
        fresh=[uid for uid in wanted if uid not in known or known[uid].attempts == 0],
        suspect=[uid for uid in wanted if uid in known and known[uid].attempts > 0],
        finished={uid: policy.removal(end) for uid, end in ends.items() if uid in here},
        left=[uid for uid in ends if uid not in here],
    )


def _due(known: Known, now: datetime) -> bool:
    return not known.final and is_due(known.due_at, now)


def leaving(policy: DropPolicy, parcels: Iterable[Parcel], ends: Ends) -> dict[str, str]:
    """How each message of a chunk leaves its maildrop, by uid; one that is not final for all its recipients stays."""
    removals = {}
    for parcel in parcels:
        found = [_end(entry, ends) for entry in parcel.entries]
        dispositions = [end for end in found if end is not None]
        if parcel.arrived.place is not None and len(dispositions) == len(found):
            removals[parcel.arrived.place.uid] = "delete" if _is_copy(parcel) else policy.removal(dispositions)
    return removals


def _is_copy(parcel: Parcel) -> bool:
    """Whether this is a mail once more, of which ``after`` has been obeyed already: kept, it would be met in every run."""
    copy = all(isinstance(entry, Closed) and entry.copy for entry in parcel.entries)
    if copy:
        log.info("%s: another copy of this mail is deleted", parcel.entries[0].id)
    return copy


def _end(entry: Entry, ends: Ends) -> str | None:
    if isinstance(entry, Closed):
        return entry.disposition
    if isinstance(entry, Busy) or entry.id not in ends or not ends[entry.id].final:
        return None
    return str(ends[entry.id].disposition)
