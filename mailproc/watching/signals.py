"""What an operator tells a process that goes on for ever, by signals."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

LONGEST = 3600.0  # seconds of one wait; poll() takes no more than 2**31 milliseconds


@dataclass(slots=True)
class Told:
    """Whether we were told to stop (SIGTERM, SIGINT), once and for all, or to read the configuration again (SIGHUP)."""

    stop: bool = False
    reload: bool = False
    _pipe: tuple[int, int] = (-1, -1)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed signals as long as the block lasts; only in the main thread."""
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, self._take) for number in numbers}
        awaited = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(awaited)
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in self._pipe:
                os.close(end)

    def wait(self, descriptors: Sequence[int], seconds: float) -> None:
        """Wait until one of the descriptors can be read, a signal comes, or the time (or an hour) is over.

        The interpreter itself writes into the pipe: `_take` is only called when poll() has come to its end (PEP 475).
        """
        waiting = select.poll()
        for descriptor in (self._pipe[0], *descriptors):
            waiting.register(descriptor, select.POLLIN)
        waiting.poll(min(max(0.0, seconds), LONGEST) * 1000)
        with suppress(BlockingIOError):
            os.read(self._pipe[0], 4096)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True
