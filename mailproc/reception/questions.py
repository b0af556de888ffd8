"""Questions that may block, asked in threads so that the loop of a door never waits; none of them can hold up another kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from mailproc.errors import Transient
from mailproc.smtpd.threads import answered

AT_ONCE = 4  # of one kind: a handler that hangs takes so many threads and no more
PATIENCE = 30.0  # seconds that an answer may take before its client is told to come again

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks, so many of each kind at once; one that hangs is left alone."""

    patience: float = PATIENCE
    _gates: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    async def ask(self, kind: str, question: Callable[[], _T]) -> _T:
        """The answer, or what the question raises; `Transient` when it takes too long, or its turn does not come."""
        gate = self._gates.setdefault(kind, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(self.patience):
                await gate.acquire()
                return await answered(question, gate)
        except TimeoutError:
            raise Transient(f"a question of the kind {kind} took too long") from None
