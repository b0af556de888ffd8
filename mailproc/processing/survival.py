"""Whether something can be done without dying of it, asked in a process that may die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

PATIENCE = 20.0  # seconds; reading is bounded to a tenth of it


def survives(deed: Callable[[], object]) -> bool:
    """Whether a child process comes to the end of ``deed``, without an exception."""
    child = os.fork()
    if child == 0:
        _do_and_leave(deed)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _do_and_leave(deed: Callable[[], object]) -> None:
    """Do it in the child, which leaves by `os._exit`, so that nothing of its parent's is run or flushed twice."""
    status = 1
    try:
        deed()
        status = 0
    finally:
        os._exit(status)
