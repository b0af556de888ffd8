"""The process that only watches: it ends a worker that takes too long or too much, and starts the next.

The worker tells by a pipe which message it starts, so that a death can be laid at a message's door. The ledger has
counted that start already; after three the message is set aside, and the others go on (design promise 5).
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mailproc.patience import MAX_STARTS
from mailproc.worker import Link, become_worker, forked

GRACE = 8.5  # seconds from the first SIGTERM to SIGKILL; the whole run is to end within 10
LOOK = 0.25  # seconds between two looks at the worker's memory and time

log = logging.getLogger("mailproc")

PR_SET_CHILD_SUBREAPER = 36
BUG = os.EX_SOFTWARE

Progress = Callable[[Sequence[str], int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one worker may take: seconds for a message, octets of memory for the run."""

    message_time: float = 300.0
    memory: int = 1 << 30


@dataclass(slots=True)
class Sight:
    """What the supervisor knows of its worker from the pipe."""

    message: str | None = None
    archive_url: str = ""
    since: float = field(default_factory=time.monotonic)
    killed_for: str | None = None
    status: int | None = None
    _rest: bytes = b""

    def read(self, data: bytes, progress: Progress) -> None:
        """Take in what the worker wrote: ``s ID URL``, ``f DISPOSITION...``, ``e NUMBER`` or ``q STATUS`` a line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "s":
                self.message, _, self.archive_url = rest.partition(" ")
            elif word == "f":
                self.message = None
                progress(rest.split(), 0)
            elif word == "e":
                progress([], int(rest))
            else:
                self.status = int(rest)
            self.since = time.monotonic()


@dataclass(slots=True)
class Supervisor:
    """Runs ``work`` in one process after the other until one ends by itself.

    ``work`` gets the link to us and what became of earlier workers, by receipt id; it answers an exit status.
    ``progress`` is told how messages ended and how many more are expected. ``heed`` is called at least four times a second
    and answers whether to stop; without it SIGTERM and SIGINT say so.
    """

    work: Callable[[Link, dict[str, str]], int]
    bounds: Bounds
    progress: Progress = lambda finished, expected: None
    heed: Callable[[], bool] | None = None
    deaths: dict[str, str] = field(default_factory=dict)
    _died_of: dict[str, int] = field(default_factory=dict)
    _stop_at: float | None = None
    _pid: int = 0
    _before_us: set[int] = field(default_factory=set)

    def run(self) -> int:
        """Answer the exit status of the last worker; raises `Transient` when there can be none.

        It must be called from the main thread, before there is another.
        """
        self._before_us = children()
        adopt_orphans()
        with self._told_to_stop():
            while True:
                exited, sight = self._one_worker()
                if sight.status is not None:
                    return sight.status
                accounted = self._account(exited, sight)
                if self._stop_at is not None:
                    return os.EX_OK
                if not accounted:
                    return BUG

    def _one_worker(self) -> tuple[int, Sight]:
        parent = os.getpid()
        self._pid = 0
        self._pid, ours = forked(lambda pipe: become_worker(Link(pipe), parent, lambda link: self.work(link, self.deaths)))
        if self._stop_at is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)  # we were told before it was there
        sight = Sight()
        try:
            return self._watch(ours, sight), sight
        finally:
            os.close(ours)
            self._kill_group()
            kill_orphans(self._before_us)

    def _watch(self, pipe: int, sight: Sight) -> int:
        """Look on until the worker has ended; answers its exit status, or minus the signal."""
        os.set_blocking(pipe, False)
        while True:
            select.select([pipe], [], [], LOOK)
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            closed = self._listen(pipe, sight)  # after the question, so that a last word is never missed
            if ended:
                return os.waitstatus_to_exitcode(status)
            if self.heed is not None and self.heed():
                self._stop()
            self._enforce(sight)
            if closed:
                time.sleep(LOOK / 10)  # a handler has closed the pipe, or the worker is about to end

    def _listen(self, pipe: int, sight: Sight) -> bool:
        """Take in all that the worker has written; answers whether it can write no more."""
        try:
            while data := os.read(pipe, 65536):
                sight.read(data, self.progress)
        except BlockingIOError:
            return False
        return True

    def _enforce(self, sight: Sight) -> None:
        """End the worker that is over a bound, whatever it is doing."""
        now = time.monotonic()
        if self._stop_at is not None and now > self._stop_at:
            sight.killed_for = "it did not stop when told to"
        elif sight.message is not None and now - sight.since > self.bounds.message_time:
            sight.killed_for = f"it took longer than {self.bounds.message_time:.0f} s"
        elif resident(self._pid) > self.bounds.memory:
            sight.killed_for = f"it took more than {self.bounds.memory >> 20} MiB of memory"
        else:
            return
        self._kill_group()

    def _kill_group(self) -> None:
        """The worker leads a process group of its own, so that whatever it has started ends with it."""
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _account(self, exited: int, sight: Sight) -> bool:
        """Lay the death at the door of the message that was being worked; False when there was none.

        A worker that exits without a word was made to by a handler, or by a library under it.
        """
        how = sight.killed_for or _words(exited)
        if sight.message is None:
            log.error("the worker died outside of any message: %s", how)
            return False
        self.deaths[sight.message] = f"the last time {how}"
        self._died_of[sight.message] = self._died_of.get(sight.message, 0) + 1
        log.error("%s: the worker died of it, %s; its mail is %s", sight.message, how, sight.archive_url)
        # More often than the ledger lets a message be started: that is a bug of ours.
        return self._died_of[sight.message] <= MAX_STARTS

    def _stop(self) -> None:
        """Tell the worker to finish its message, commit, delete and end. Told once more, it would only be given more time."""
        if self._stop_at is None:
            self._stop_at = time.monotonic() + GRACE
            with suppress(ProcessLookupError):  # it may have ended this moment
                if self._pid:
                    os.kill(self._pid, signal.SIGTERM)

    def _told_to_stop(self) -> AbstractContextManager[None]:
        return nullcontext() if self.heed is not None else self._signals()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, lambda *_: self._stop()) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own below us, so that nothing that a handler started can slip away."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_orphans(spared: Set[int]) -> None:
    """End every child but the ``spared``, which were there before us: when no worker lives, what is left was left behind."""
    while orphans := children() - spared:
        for child in orphans:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def children() -> set[int]:
    """The processes whose parent we are."""
    pid = os.getpid()
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _words(exited: int) -> str:
    return f"it was ended by {signal.Signals(-exited).name}" if exited < 0 else f"it called exit({exited})"


def resident(pid: int) -> int:
    """The resident memory of a process in octets; 0 when it has gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:  # noqa: PTH123 - asked four times a second
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return 0
