"""Child processes of a server: each in a group of its own, none without its parent, and no port in its hands."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from mailproc.exits import last_words
from mailproc.worker import die_with, leave


def fork_child(work: Callable[[], int], doors: Sequence[socket.socket] = ()) -> int:
    """Have ``work`` done in a child, which ends with the status that it answers; answers the child's process id.

    Must be called before there is a thread. What a terminal sends to its foreground group is for the parent, which tells its
    children in its time; the sockets of the ``doors`` are let go of, so that nothing that a handler starts can keep a port.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = os.EX_SOFTWARE
    try:
        os.setpgid(0, 0)
        die_with(parent)
        for door in doors:
            door.close()
        status = work()
    except BaseException as error:
        status = last_words(error)
    finally:
        leave(status)


@contextmanager
def ended_with_us(pids: Sequence[int]) -> Iterator[None]:
    """At the end of the block these are told to end, and waited for: they finish what they have in hand."""
    try:
        yield
    finally:
        tell_to_end(pids)
        for pid in pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def tell_to_end(pids: Sequence[int]) -> None:
    """Have these finish what they have in hand; nobody is waited for."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def one_has_ended(pids: Sequence[int]) -> bool:
    """Whether one of these has ended, though nobody has told it to."""
    return any(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) for pid in pids)
