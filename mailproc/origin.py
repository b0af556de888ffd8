"""How this program was started: by which process, and with which standard streams.

It is imported before all else, because who has started us may die while we import the rest.
"""

from __future__ import annotations

import os
import sys

PARENT = os.getppid()
"""The number of the process that has started us; 1 where that had died by then, 0 where it is of another container."""


def fill_streams() -> None:
    """Have nothing (``/dev/null``) on the descriptors 0 to 2 that are closed, and Python's streams on them.

    Else the next file that is opened would be standard output to all that is printed, and to what a handler starts.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free is this one
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
