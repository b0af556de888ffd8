"""The process that works: its link to the supervisor, and how it ends when told to."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from mailproc.errors import Interrupted, Transient
from mailproc.exits import last_words

PATIENCE = 6.5  # seconds that a handler may still take after SIGTERM; the supervisor kills 2 s later
PR_SET_PDEATHSIG = 1

log = logging.getLogger("mailproc")


class Link:
    """The worker's end of the pipe, and its ear for SIGTERM."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._stopping = False
        self._inside = False
        self._asked: Callable[[], bool] = lambda: False

    def starts(self, receipt_id: str, archive_url: str) -> None:
        """A message is about to be parsed or handled: if the process dies now, it was this one."""
        self._tell(f"s {receipt_id} {archive_url}")

    def finished(self, dispositions: Sequence[str]) -> None:
        """How these messages ended; it is committed."""
        self._tell(f"f {' '.join(dispositions)}")

    def expects(self, number: int) -> None:
        """So many messages more are waiting."""
        self._tell(f"e {number}")

    def stopping(self) -> bool:
        """Whether to begin no further message."""
        return self._stopping or self._asked()

    def heed(self, asked: Callable[[], bool]) -> None:
        """Stop also when ``asked`` says so; it is asked before every message."""
        self._asked = asked

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While inside, a stop that has waited too long raises `Interrupted`."""
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def done(self, status: int) -> None:
        """We end by ourselves, with this exit status; an exit without this word is a death."""
        self._tell(f"q {status}")

    def listen(self) -> None:
        """Take SIGTERM as the word to stop."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to us too; the supervisor passes SIGTERM on
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGALRM, self._out_of_patience)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # it was blocked so that none would be lost until now

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    def _out_of_patience(self, number: int, frame: FrameType | None) -> None:
        if self._inside and self._stopping:
            raise Interrupted

    def _tell(self, line: str) -> None:
        os.write(self._pipe, line.encode() + b"\n")


def forked(child: Callable[[int], NoReturn]) -> tuple[int, int]:
    """Start a process that does ``child``, given the end of a pipe into which it writes; answers its number and our end.

    SIGTERM is blocked there until it listens, so that no word to stop is lost. Raises `Transient` when there can be no
    further process; then nothing is left open or blocked.
    """
    try:
        ours, theirs = os.pipe()
    except OSError as error:
        raise no_process(error) from error
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            child(theirs)
    except OSError as error:
        os.close(ours)
        raise no_process(error) from error
    finally:
        os.close(theirs)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid, ours


def no_process(error: OSError) -> Transient:
    """The error of a fork in words for the operator."""
    return Transient(f"no process can be started: {error.strerror}; end some, or raise the limit on processes and open files")


def become_child(parent: int, work: Callable[[], int]) -> NoReturn:
    """Do ``work`` in a process that was just forked, which ends with the status that it answers, or with ``parent``.

    What a terminal sends to its foreground group is for the parent, which tells its children in its time.
    """
    status = os.EX_SOFTWARE
    try:
        os.setpgid(0, 0)
        die_with(parent)
        status = work()
    except BaseException as error:
        status = last_words(error)
    finally:
        leave(status)


def become_worker(link: Link, parent: int, work: Callable[[Link], int]) -> NoReturn:
    """Be the worker in a process that was just forked."""

    def worked() -> int:
        link.listen()
        try:
            status = work(link)
        except BaseException as error:
            status = last_words(error)
            if status == os.EX_SOFTWARE:  # a death, which the supervisor lays at the door of the message in hand
                return status
        link.done(status)
        return status

    become_child(parent, worked)


def leave(status: int) -> NoReturn:
    """End a forked process at once: what its parent would do at its own end is not done twice."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def die_with(parent: int) -> None:
    """Have the kernel kill us when our parent dies; it follows the thread that forked, which is the main one."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(os.EX_TEMPFAIL)
