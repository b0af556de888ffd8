"""One run of ``mailproc handle``: look for mail, and if there is some, have a supervised worker empty the maildrops.

The look imports almost nothing: cron asks every minute, and mostly there is no mail.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailproc.drops import has_mail
from mailproc.errors import Locked, MailprocError, SettingsError
from mailproc.exits import exit_status, gravest
from mailproc.settings import Maildrop, Settings
from mailproc.state import State, ready_state

if TYPE_CHECKING:
    from mailproc.worker import Link

log = logging.getLogger("mailproc")


def chosen(settings: Settings, names: Sequence[str]) -> list[Maildrop]:
    """The maildrops of these names, all for none; raises `SettingsError` for a name that there is not.

    There may be none at all where doors take mail in, or have done so.
    """
    known = {maildrop.name: maildrop for maildrop in settings.maildrops}
    state = State(settings.state)
    if not known and (names or not (settings.serve or state.pending or state.spooled.exists())):
        raise SettingsError(f"{settings.file}: there is no [[maildrop]] to empty; add one")
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no maildrop {name}; name one of these: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names) or known]


def counted(ended: Mapping[str, int]) -> str:
    """How many messages ended in which way, "" where there were none."""
    ends = ("handled", "dropped", "rejected", "failed", "deferred")
    return ", ".join(f"{ended[end]} {end}" for end in ends if ended.get(end))


@dataclass(slots=True)
class Run:
    """What one run was asked to do, and how far it got.

    ``maildrops`` are names, none for all; ``limit`` is a number of messages; ``max_time`` is in seconds; ``wait`` says to
    wait for a lock that another run holds. ``progress`` is told how messages ended and how many more are
    expected; ``ended`` counts them by disposition.

    Who watches has ways of its own: ``look`` says whether mail waits, in the place of a connection; ``heed`` is that of the
    `Supervisor`; ``pending_only`` leaves the maildrops alone and does what else there is to do, without a look whether there
    is any. A maildrop that another run holds is in ``held``, with a line that says who; with ``patient`` that is no error.
    """

    settings: Settings
    maildrops: Sequence[str] = ()
    limit: int | None = None
    max_time: float | None = None
    wait: bool = False
    progress: Callable[[Sequence[str], int], None] = lambda finished, expected: None
    look: Callable[[Maildrop], bool] = has_mail
    heed: Callable[[], bool] | None = None
    pending_only: bool = False
    patient: bool = False
    ended: Counter[str] = field(default_factory=Counter)
    held: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _statuses: list[int] = field(default_factory=list)

    def run(self) -> int:
        """Answer the exit status; an error of one maildrop is logged, and the others are worked."""
        state = ready_state(self.settings)
        if state.stop_requested:
            log.info("nothing is done, because there is the stop file %s", state.folder / "stop")
            return os.EX_OK
        wanted = [] if self.pending_only else chosen(self.settings, self.maildrops)
        with ExitStack() as held:
            locks = [(each, self._lock(each, state, held)) for each in wanted]
            looks = [(maildrop, self._look(maildrop)) for maildrop, lock in locks if lock is not None]
            reached = [maildrop for maildrop, waits in looks if waits is not None]
            if self.pending_only or any(waits for _, waits in looks) or ((looks or not wanted) and state.pending):
                self._statuses.append(self._supervised(reached, state, [lock for _, lock in locks if lock is not None]))
            else:
                for maildrop in reached:
                    state.note_success(maildrop.name)
        return gravest(self._statuses)

    def _lock(self, maildrop: Maildrop, state: State, held: ExitStack) -> int | None:
        try:
            return held.enter_context(state.locked(maildrop.name, wait=self.wait))
        except Locked as error:
            self.held[maildrop.name] = str(error)
            if not self.patient:
                self._note(error)
            return None

    def _look(self, maildrop: Maildrop) -> bool | None:
        """Whether mail waits; None when the maildrop cannot be asked."""
        try:
            return self.look(maildrop)
        except MailprocError as error:
            self._note(error)
            return None

    def _note(self, error: MailprocError) -> None:
        log.error("%s", error)
        self._statuses.append(exit_status(error))

    def _supervised(self, maildrops: Sequence[Maildrop], state: State, locks: Sequence[int]) -> int:
        from mailproc.supervisor import Bounds, Supervisor

        limits = self.settings.limits
        with state.owning() as owner:

            def work(link: Link, deaths: dict[str, str]) -> int:
                # A lock lives as long as any copy of its descriptor: what a handler starts must not keep ours.
                for descriptor in (*locks, owner.descriptor):
                    os.close(descriptor)
                from mailproc.shift import Shift

                left = None if self.limit is None else self.limit - self.ended.total()
                deadline = None if self.max_time is None else self._began + self.max_time
                whole = len(maildrops) == len(self.settings.maildrops)
                return Shift(self.settings, maildrops, owner.id, link, deaths, left, deadline, whole).run()

            return Supervisor(work, Bounds(limits.message_time, limits.memory), self._progress, self.heed).run()

    def _progress(self, finished: Sequence[str], expected: int) -> None:
        self.ended.update(finished)
        self.progress(finished, expected)
