"""Questions that may block, asked in threads so that the loop of a door never waits; none of them can hold up another kind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from mailproc.errors import Transient

AT_ONCE = 4  # of one kind: a handler that hangs takes so many threads and no more
PATIENCE = 30.0  # seconds that an answer may take before its client is told to come again

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks, so many of each kind at once. A thread that hangs is left alone: it cannot be ended, nor keeps us from ending."""

    patience: float = PATIENCE
    _gates: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    async def ask(self, kind: str, question: Callable[[], _T]) -> _T:
        """The answer, or what the question raises; `Transient` when it takes too long, or its turn does not come."""
        gate = self._gates.setdefault(kind, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(self.patience):
                await gate.acquire()
                return await _answered(question, gate)
        except TimeoutError:
            raise Transient(f"a question of the kind {kind} took too long") from None


def _answered(question: Callable[[], _T], gate: asyncio.Semaphore) -> asyncio.Future[_T]:
    """The answer to come; the gate is open again when the thread has ended, however long nobody waits any more."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: Exception | None) -> None:
        gate.release()
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = question()
        except Exception as error:
            failed = error
        except BaseException as error:  # such as sys.exit(), which would end this thread and tell nobody
            failed = RuntimeError(f"{type(error).__name__} in a question")
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(settle, result, failed)

    try:
        threading.Thread(target=run, name="question", daemon=True).start()
    except RuntimeError:  # there can be no more threads
        gate.release()
        raise
    return answer
