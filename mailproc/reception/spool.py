"""The spool: mail is durable in the archive and the ledger before its 250, and is worked by whoever runs next.

What many clients send at the same time is made durable together: one step of the archive and one commit for all of it, so that
a slow disk is waited for once and not once for each mail. That is done in a process of its own, as inline the work is: beside
the sessions of the door each of its many waits for the disk would end in a wait for the interpreter.
"""

from __future__ import annotations

import logging
import os
import select
import socket
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Engine

from mailproc.app import checked_engine, make_archive
from mailproc.archive import Archive
from mailproc.crowd import MANY
from mailproc.database import spool
from mailproc.database.engine import writing
from mailproc.errors import MailprocError
from mailproc.failpoints import failpoint
from mailproc.processing.receiving import Arrived, archive, openings_of
from mailproc.reception.arriving import handed_over
from mailproc.reception.faults import record
from mailproc.reception.handover import QUIET, Handover, answer, for_each, put_off, taken
from mailproc.replies import AWAY, our_fault
from mailproc.reply import Reply
from mailproc.settings import Settings
from mailproc.state import State
from mailproc.worker import Link

MOST_MAILS = 100  # in one commit
MOST_OCTETS = 16 * 1024 * 1024

log = logging.getLogger("mailproc")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ids of the receipts of each message, and which of all these were not there before."""

    ids: Sequence[Sequence[str]]
    new: Set[str]


@dataclass(slots=True)
class Spooled:
    """What is needed to make mail durable; ``note`` is called before each commit, ``told`` after it."""

    engine: Engine
    archive: Archive
    note: Callable[[], None] = lambda: None
    told: Callable[[], None] = lambda: None

    def accept(self, arrived: Sequence[Arrived]) -> Accepted:
        """Make these durable, and ours. Raises `Away`."""
        now = datetime.now(UTC)
        kept = archive(self.archive, arrived)
        openings = [openings_of(one, sha256, url) for one, (sha256, url) in zip(arrived, kept, strict=True)]
        self.note()
        failpoint("receive")
        with writing(self.engine) as conn:
            new = spool.accept(conn, [opening for group in openings for opening in group], now)
        failpoint("receive-after-spool")
        self.told()
        return Accepted([[opening.id for opening in group] for group in openings], new)


def attend_spool(settings: Settings, link: Link, deaths: Mapping[str, str], listener: socket.socket) -> int:
    """Be the worker behind a door that spools; answers the exit status, `ANEW` when another one is to try."""
    state = State(settings.state)
    try:
        engine = checked_engine(settings)
    except MailprocError as away:
        return put_off(listener, link, away)

    def told() -> None:
        state.pending.let_go()
        state.note_spooled()

    spooled = Spooled(engine, make_archive(settings), state.pending.set, told)
    while True:
        ready = select.select([listener], [], [], 0.0 if link.stopping() else QUIET)[0]
        if ready:
            together = _together(listener)
            if len(together) >= MANY:
                state.crowd.note()
            link.starts("spool", "with its clients, who will come again")  # from here on our time is bounded
            _take_over(spooled, together)
            link.finished([])
        elif link.stopping():
            return os.EX_OK


def _together(listener: socket.socket) -> list[tuple[socket.socket, Handover]]:
    """The messages that wait now, within bounds."""
    together: list[tuple[socket.socket, Handover]] = []
    octets = 0
    while len(together) < MOST_MAILS and octets < MOST_OCTETS and select.select([listener], [], [], 0)[0]:
        if found := taken(listener):
            together.append(found)
            octets += len(found[1].raw)
    return together


def _take_over(spooled: Spooled, together: Sequence[tuple[socket.socket, Handover]]) -> None:
    """Make them durable, and tell each of their clients; or none."""
    for (channel, _), replies in zip(together, replies_to(spooled, [handover for _, handover in together]), strict=True):
        answer(channel, replies)


def replies_to(spooled: Spooled, handovers: Sequence[Handover]) -> list[list[Reply]]:
    """A 250 for each message that is durable, by LMTP for each recipient; one that breaks us takes none of the others along."""
    try:
        accepted = spooled.accept([handed_over(handover, client_waits=False) for handover in handovers])
    except MailprocError as away:
        log.error("%s", away)
        return [for_each(AWAY, handover) for handover in handovers]
    except Exception as error:
        if len(handovers) > 1:
            return [replies for handover in handovers for replies in replies_to(spooled, [handover])]
        return [for_each(our_fault(record(spooled.engine, error)), handovers[0])]
    return [_taken_over(handover, ids) for handover, ids in zip(handovers, accepted.ids, strict=True)]


def _taken_over(handover: Handover, ids: Sequence[str]) -> list[Reply]:
    replies = [Reply(250, "2.0.0", f"OK: {id}") for id in ids]
    return replies[:1] if handover.one_reply else replies
