"""Whether a signature was made at about the time when the mail arrived.

The arrival is what counts, never the clock of the run: then a backlog, or a second run over old mail, refuses nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_AGE = timedelta(hours=48)  # a weekend in a queue; a replay of what is older needs no memory of ours
MAX_AHEAD = timedelta(minutes=10)  # clocks differ


class Timeliness(enum.Enum):
    """How the time of a signature relates to the arrival."""

    FRESH = enum.auto()
    TOO_OLD = enum.auto()
    TOO_NEW = enum.auto()


@dataclass(frozen=True, slots=True)
class Window:
    """When a signature must have been made: at most ``max_age`` before the arrival (None: whenever), ``max_ahead`` after it."""

    arrival: datetime
    max_age: timedelta | None = MAX_AGE
    max_ahead: timedelta = MAX_AHEAD

    def judge(self, signed_at: datetime) -> Timeliness:
        """Compare; a limit itself is still fresh."""
        if self.max_age is not None and self.arrival - signed_at > self.max_age:
            return Timeliness.TOO_OLD
        return Timeliness.TOO_NEW if signed_at - self.arrival > self.max_ahead else Timeliness.FRESH
