"""A handler before and after somebody has mended it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mailproc import Delivery, Outcome, handler
from tests.crash.deeds import effect


@handler()
@dataclass(frozen=True)
class Broken:
    """Writes its effect, and then fails."""

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Fail."""
        _write(delivery)
        raise LookupError("nobody has thought of this")


@handler()
@dataclass(frozen=True)
class Mended:
    """Writes its effect."""

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Do it."""
        _write(delivery)
        return delivery.handled("written")


@handler()
@dataclass(frozen=True)
class Deadly:
    """Writes its effect, but for the subject 2 it takes its process along."""

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Do it, or die."""
        _write(delivery)
        if delivery.message.subject == "2":
            os.kill(os.getpid(), signal.SIGKILL)
        return delivery.handled("written")


def _write(delivery: Delivery) -> None:
    row = {"name": delivery.message.subject, "recipient": str(delivery.recipient), "attempt": delivery.attempt}
    delivery.session.execute(sa.insert(effect).values(row))
