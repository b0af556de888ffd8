"""The worker behind an inline door: it works one message after the other, and answers each with its replies."""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailproc.app import make_works
from mailproc.database.engine import writing
from mailproc.errors import MailprocError
from mailproc.failpoints import failpoint
from mailproc.processing.attending import attend
from mailproc.processing.receiving import renew_lease
from mailproc.processing.works import Works
from mailproc.reception.arriving import handed_over
from mailproc.reception.faults import record
from mailproc.reception.handover import ANEW, QUIET, Handover, answer, for_each, put_off, refuse, taken
from mailproc.replies import AWAY, STOPPED, STOPPING, our_fault
from mailproc.reply import Reply
from mailproc.settings import Settings
from mailproc.shift import nothing_left
from mailproc.state import State
from mailproc.worker import Link

MESSAGES = 5_000  # after so many a new process takes over: what libraries and handlers leak goes with the old one
_TIDY = 5.0  # seconds after which the marker of pending work is looked at, also when there is no quiet

log = logging.getLogger("mailproc")


def attend_inline(settings: Settings, link: Link, deaths: Mapping[str, str], listener: socket.socket) -> int:
    """Be a worker; answers the exit status."""
    return Attendant(settings, link, deaths, listener).run()


@dataclass(slots=True)
class Attendant:
    """Takes messages from ``listener``, a listening Unix socket that several attendants share."""

    settings: Settings
    link: Link
    deaths: Mapping[str, str]
    listener: socket.socket
    _untidy_since: float | None = None
    _spoilt: bool = False
    _state: State = field(init=False)

    def __post_init__(self) -> None:
        self._state = State(self.settings.state)

    def run(self) -> int:
        """Answer the exit status, `ANEW` when it is time for a new process."""
        # The lock of an owner is this process's own: when it dies, its message is free for the attendant beside it.
        with self._state.owning() as owner:
            try:
                works = self._works(owner.id)
            except MailprocError as away:
                return put_off(self.listener, self.link, away)
            return self._work(works)

    def _works(self, owner_id: str) -> Works:
        pending = self._state.pending
        works = make_works(self.settings, owner_id, watch=self.link, deaths=self.deaths, note_pending=pending.set)
        with writing(works.engine) as conn:
            renew_lease(works, conn)
        return works

    def _work(self, works: Works) -> int:
        for _ in range(MESSAGES):
            found = self._next(works)
            if found is None:
                refuse(self.listener, STOPPING, 0.0)  # who waits for us has its reply too
                return os.EX_OK
            channel, handover = found
            replies = self._replies(works, handover)
            failpoint("receive-before-250")
            answer(channel, replies)
            if self._spoilt:
                break
        self._tidy(works)
        return ANEW

    def _next(self, works: Works) -> tuple[socket.socket, Handover] | None:
        """The next client's message; None when we are to stop."""
        while not self.link.stopping():
            ready = select.select([self.listener], [], [], QUIET)[0]
            if self._untidy_since is not None and (not ready or time.monotonic() - self._untidy_since > _TIDY):
                self._tidy(works)
            if ready and (found := taken(self.listener)):
                return found
        return None

    def _replies(self, works: Works, handover: Handover) -> Sequence[Reply]:
        """What the client is told; whatever goes wrong outside of the message's own course has it come again."""
        self._untidy_since = self._untidy_since or time.monotonic()
        arrived = handed_over(handover, client_waits=True)
        try:
            if not self._state.stop_requested:
                return attend(works, arrived, one_reply=handover.one_reply)
            told = STOPPED
        except MailprocError as away:
            log.error("%s", away)
            told = AWAY
        except Exception as error:
            told = our_fault(record(works.engine, error))
            self._spoilt = True  # who knows what a handler has left behind in here: a new process takes over
        return for_each(told, handover)

    def _tidy(self, works: Works) -> None:
        """Take the marker of pending work away; if there is some left, somebody who runs should know at once."""
        self._untidy_since = None
        try:
            self._state.pending.clear(lambda: nothing_left(works.engine, works.clock()))
            if self._state.pending:
                self._state.note_spooled()
        except (MailprocError, OSError) as error:
            log.error("%s", error)
