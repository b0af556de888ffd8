"""The process that waits for news: as its parent has it, and what it does itself."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from mailproc.errors import Transient
from mailproc.oauth2 import exchange
from mailproc.settings import Maildrop
from mailproc.state import State
from mailproc.supervisor import children, kill_orphans
from mailproc.watching.looking import listen, listen_for_spool, pause
from mailproc.watching.news import News, Reader
from mailproc.watching.signals import Told
from mailproc.worker import become_child, forked

log = logging.getLogger("mailproc")


LIVELY = 60.0  # seconds that a process has to live to be thought well
BLINK = 0.005  # seconds between two looks whether it has
LAST = exchange.PATIENCE  # seconds that it has to end by itself


@dataclass(slots=True)
class Ears:
    """What listens to some maildrops, started by `open`, and again when it has died; ``poll`` is in seconds.

    ``spared`` are the children that our process has had before; whatever else is left behind by who listens ends with it.
    """

    maildrops: Sequence[Maildrop]
    poll: float
    state: State
    spared: Set[int] = frozenset()
    opens_at: float = 0.0
    _pid: int = 0
    _pipe: int | None = None
    _reader: Reader = field(default_factory=Reader)
    _since: float = 0.0
    _deaths: int = 0
    _kill_at: float = float("inf")

    @property
    def descriptors(self) -> list[int]:
        """What can be read when there is news; nothing while nobody listens, or after `dismiss`."""
        return [] if self._pipe is None or self._dismissed else [self._pipe]

    @property
    def _dismissed(self) -> bool:
        return self._kill_at != float("inf")

    def open(self) -> None:
        """Begin to listen, unless we do, or have died too often of late: then not before ``opens_at``, in monotonic seconds.

        It must be called from the main thread, before there is another, and by a process that holds no lock: the child
        would hold it too. The child ends with us, whatever ends us.
        """
        self._sweep()
        if self._pipe is not None or time.monotonic() < self.opens_at:
            return
        try:
            self._pid, ours = forked(partial(self._be_ears, os.getpid()))
        except Transient as error:
            self._put_off()
            log.error("nobody listens to the maildrops: %s; it is tried again", error)
            return
        os.set_blocking(ours, False)
        self._pipe, self._reader, self._since = ours, Reader(), time.monotonic()
        self._kill_at = float("inf")

    def _be_ears(self, parent: int, pipe: int) -> NoReturn:
        become_child(parent, partial(_listen, self.maildrops, self.poll, self.state, pipe))

    def _sweep(self) -> None:
        """End what those who do not listen any more have left, such as a command that prints a password.

        What we have become the parent of while they listen is only waited for: it may be a daemon that a command needs.
        """
        with suppress(OSError):  # of /proc; it is done at the next step
            if self._pipe is None:
                kill_orphans(self.spared)
                return
            for child in children() - {self._pid} - self.spared:
                os.waitpid(child, os.WNOHANG)

    def news(self) -> Iterator[News]:
        """What was told since the last time; that nobody listens any more is news too."""
        if self._pipe is None or self._dismissed:
            return
        try:
            while data := os.read(self._pipe, 65536):
                yield from self._reader.read(data)
        except BlockingIOError:
            return
        self._note_death(self._end())
        yield News("deaf")

    def dismiss(self) -> None:
        """Tell who listens to end, and do not wait for it: `close` does, from now on for `LAST` seconds at most."""
        if self._pipe is not None and not self._dismissed:
            self._kill_at = time.monotonic() + LAST
            os.kill(self._pid, signal.SIGTERM)

    def close(self) -> None:
        """Listen no more; an access token that was asked for is kept first. No run may be at work."""
        if self._pipe is not None:
            self._end()
        self._sweep()

    def _end(self) -> int:
        """End who listens; answers the exit status, or minus the signal."""
        self.dismiss()
        while os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and time.monotonic() < self._kill_at:
            time.sleep(BLINK)
        if self._pipe is not None:
            os.close(self._pipe)
        self._pipe = None
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(self._pid, signal.SIGKILL)  # until it is waited for, its number is nobody else's
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _note_death(self, status: int) -> None:
        if time.monotonic() - self._since > LIVELY:
            self._deaths, self.opens_at = 0, 0.0
        else:
            self._put_off()
        log.error("the process that listens to the maildrops has died, with status %d; it is started again", status)

    def _put_off(self) -> None:
        """Try at once after the first death or failure, and then after pauses that grow."""
        self._deaths += 1
        self.opens_at = time.monotonic() + (pause(self._deaths - 1, refused=False) if self._deaths > 1 else 0.0)


def _listen(maildrops: Sequence[Maildrop], poll: float, state: State, pipe: int) -> int:
    told = Told()
    with told.heeded():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

        def tell(news: News) -> None:
            os.write(pipe, news.line())

        _start(lambda: listen_for_spool(state, tell))
        for maildrop in maildrops:
            _start(partial(listen, maildrop, poll, state, tell))
        while not told.stop:
            told.wait((), poll)
        exchange.end()
    return os.EX_OK


def _start(listening: Callable[[], None]) -> None:
    def thread() -> None:
        try:
            listening()
        except BaseException as error:
            # One that listens no more must not look like one that hears nothing: end, and be started again.
            if not isinstance(error, BrokenPipeError):  # our parent has gone, and we are about to
                log.critical("a bug of ours in the ears: %s: %s", type(error).__name__, error, exc_info=True)
        os._exit(os.EX_SOFTWARE)

    threading.Thread(target=thread, daemon=True).start()
