"""A worker's shift: open everything, empty the maildrops, send what is due, and leave."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Engine

from mailproc.app import drop_policy, make_limits, make_relay, make_works
from mailproc.database import fence, spool
from mailproc.database.engine import reading, writing
from mailproc.database.leaving import anything_leaves
from mailproc.drops import open_drop
from mailproc.errors import Away, MailprocError
from mailproc.exits import exit_status, gravest
from mailproc.ownership import forget_the_dead
from mailproc.processing.emptying import empty
from mailproc.processing.performing import perform
from mailproc.processing.policy import Budget
from mailproc.processing.receiving import renew_lease
from mailproc.processing.reworking import expire, resume
from mailproc.processing.sending import flush
from mailproc.processing.works import Works
from mailproc.settings import Maildrop, Settings
from mailproc.state import State
from mailproc.worker import Link

LEFTOVERS = 86_400.0  # seconds after which a half written file in the archive is nobody's any more

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Shift:
    """What a worker is given; ``limit`` in messages, ``deadline`` in monotonic seconds.

    ``whole`` says that these are all the maildrops there are: only then can it be known that nothing is left to do.
    """

    settings: Settings
    maildrops: Sequence[Maildrop]
    owner_id: str
    link: Link
    deaths: Mapping[str, str]
    limit: int | None = None
    deadline: float | None = None
    whole: bool = True
    _statuses: list[int] = field(default_factory=list)

    def run(self) -> int:
        """Answer the exit status."""
        try:
            state = State(self.settings.state)
            pending = state.pending
            works = make_works(self.settings, self.owner_id, watch=self.link, deaths=self.deaths, note_pending=pending.set)
            if works.site.verifier is None:
                self._statuses.append(os.EX_UNAVAILABLE)  # it was told; what needs no verifier is handled all the same
            self.link.heed(lambda: state.stop_requested)
            begin(works, state)
            budget = Budget(self.limit, self.deadline)
            self._empty_all(works, state, budget)
            resume(works, make_limits(self.settings), budget)
            expire(works)
        except OSError as error:  # of the state folder: what else may fail has errors of its own
            self._note(Away(f"{error.filename or self.settings.state}: {error.strerror or error}"))
            return gravest(self._statuses)
        except MailprocError as error:
            self._note(error)
            return gravest(self._statuses)
        self._after_all(works)
        if self.whole and not any(self._statuses) and not self.link.stopping():
            pending.clear(lambda: nothing_left(works.engine, works.clock()))
        return gravest(self._statuses)

    def _empty_all(self, works: Works, state: State, budget: Budget) -> None:
        """Empty each maildrop; one that fails does not stop the others."""
        for maildrop in self.maildrops:
            if self.link.stopping():
                return
            try:
                if self._empty(works, maildrop, budget):
                    state.note_success(maildrop.name)
            except MailprocError as error:
                self._note(error)

    def _empty(self, works: Works, maildrop: Maildrop, budget: Budget) -> bool:
        drop = open_drop(maildrop)
        try:
            return empty(works, drop, drop_policy(maildrop), make_limits(self.settings), budget)
        finally:
            drop.close()

    def _after_all(self, works: Works) -> None:
        """Send what is due, and carry out what is to be done elsewhere; what stops the one does not stop the other."""
        for what in (self._send, perform):
            try:
                what(works)
            except MailprocError as error:
                self._note(error)

    def _send(self, works: Works) -> None:
        flush(works, make_relay(self.settings))

    def _note(self, error: MailprocError) -> None:
        log.error("%s", error)
        self._statuses.append(exit_status(error))


def begin(works: Works, state: State) -> None:
    """Enter this run into the ledger, take the dead ones off, pay what is owed, and sweep up after killed runs."""
    works.archive.sweep(LEFTOVERS)
    state.sweep(LEFTOVERS)
    owed = state.debts.all()
    with writing(works.engine) as conn:
        renew_lease(works, conn)
        forget_the_dead(conn, works.owner)
        for id in owed:
            if id not in works.deaths:  # its worker died at it after all: that start counts
                fence.give_back(conn, [id])
    state.debts.settle()


def nothing_left(engine: Engine, now: datetime) -> bool:
    """Whether no receipt waits for us, no mail is to be sent, and nothing is to be done elsewhere."""
    with reading(engine) as conn:
        return not spool.any_for_us(conn, now) and not anything_leaves(conn)
