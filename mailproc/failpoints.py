"""Named places where a test makes the program die, to prove what is left behind.

``MAILPROC_FAILPOINT=name:kill|killall|raise|enospc|eio|hang[:nth]`` arms one place; the nth passage (the first unless
said otherwise) fails in the way that is named. ``kill`` ends the process that passes, and a supervisor starts the next;
``killall`` ends the supervisor first, so that the run is over, as after a power cut. Unset, a passage costs one look-up.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable

_armed_in = os.getpid()  # the process that read the environment; whoever was forked from it has this number too


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_all() -> None:
    os.kill(_armed_in, signal.SIGKILL)
    _kill()


def _raise() -> None:
    raise RuntimeError("failpoint")


def _enospc() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _eio() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _hang() -> None:
    time.sleep(3600)


_FAULTS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "killall": _kill_all,
    "raise": _raise,
    "enospc": _enospc,
    "eio": _eio,
    "hang": _hang,
}


class _Armed:
    """The one armed place of this process and how many passages it still lets go by."""

    def __init__(self, spec: str) -> None:
        name, _, rest = spec.partition(":")
        fault, _, nth = rest.partition(":")
        if fault not in _FAULTS or not (nth or "1").isdigit():
            raise ValueError(f"MAILPROC_FAILPOINT={spec}: want name:{'|'.join(_FAULTS)}[:nth]")
        self.name = name
        self.fault = _FAULTS[fault]
        self.passages_left = int(nth or "1")


_armed = _Armed(os.environ["MAILPROC_FAILPOINT"]) if os.environ.get("MAILPROC_FAILPOINT") else None


def failpoint(name: str) -> None:
    """Pass the place called ``name``; fail there when it is armed and its turn has come."""
    if _armed is None or _armed.name != name:
        return
    _armed.passages_left -= 1
    if _armed.passages_left == 0:
        _armed.fault()
