"""Child processes of a server: each in a group of its own, none without its parent, and no port in its hands."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from mailproc.worker import become_child, no_process


def fork_child(work: Callable[[], int], doors: Sequence[socket.socket] = ()) -> int:
    """Have ``work`` done in a child, which ends with the status that it answers; answers the child's process id.

    Must be called before there is a thread. The sockets of the ``doors`` are let go of, so that nothing that a handler starts
    can keep a port. Raises `Transient` where there can be no process.
    """

    def without_doors() -> int:
        for door in doors:
            door.close()
        return work()

    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        raise no_process(error) from error
    if pid == 0:
        become_child(parent, without_doors)
    return pid


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
