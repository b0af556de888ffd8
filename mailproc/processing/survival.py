"""Whether a message can be read without dying of it, asked in a process that may die."""

from __future__ import annotations

import os
import signal
import time

from mailproc.reading import read_message

PATIENCE = 20.0  # seconds; reading is bounded to a tenth of it


def survives_reading(raw: bytes) -> bool:
    """Whether a child process reads ``raw`` to its end.

    A message that is given up has killed its process three times. Its sender is told only when it was not the reading
    that killed: then it is safe to look at it here once more.
    """
    child = os.fork()
    if child == 0:
        _read_and_leave(raw)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _read_and_leave(raw: bytes) -> None:
    """Read in the child; it leaves by `os._exit`, so that nothing of its parent's is run or flushed twice."""
    try:
        message = read_message(raw)
        message.text, message.attachments  # noqa: B018 - reading is lazy
    finally:
        os._exit(0)
