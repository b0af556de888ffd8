"""Clients that crowd at a door. They wait for their reply, and each commit of ours is in their way; so other work gives way."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

MANY = 3  # messages that wait to be made durable at the same time; fewer come together by chance
_MOMENT = 0.25  # seconds for which a crowd is remembered
_LONGEST = 1.0  # seconds for which one gives way: the work must be done some time, however many come


@dataclass(frozen=True, slots=True)
class Crowd:
    """The crowd as other processes see it: ``path`` is a file that was touched when it was last there."""

    path: Path

    def note(self) -> None:
        """It is there now; raises nothing."""
        with contextlib.suppress(OSError):  # a hint: on a full disk the mails are taken in all the same
            self.path.touch(mode=0o600)

    def is_there(self) -> bool:
        """Whether it was there a moment ago."""
        try:
            return 0 <= time.time() - self.path.stat().st_mtime < _MOMENT
        except OSError:
            return False

    def give_way(self) -> None:
        """Wait until it has gone, for a second at most; raises nothing."""
        until = time.monotonic() + _LONGEST
        while self.is_there() and time.monotonic() < until:
            time.sleep(_MOMENT / 5)
