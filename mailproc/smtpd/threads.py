"""Calls that may block, each in a thread of its own, so that the loop of a door never waits for one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from mailproc.reading import one_line

_T = TypeVar("_T")


def answered(call: Callable[[], _T], gate: asyncio.Semaphore) -> asyncio.Future[_T]:
    """The answer to come, for who has entered by ``gate``, which is left when the thread ends, whoever still waits for it.

    A thread that hangs cannot be ended; nor does it keep the program from ending, as that of a pool would. Raises
    RuntimeError where there can be no more threads.
    """
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
            result = call()
        except BaseException as error:
            failed = _held(error)
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(settle, result, failed)

    try:
        threading.Thread(target=run, name="call", daemon=True).start()
    except RuntimeError:
        gate.release()
        raise
    return answer


def _held(error: BaseException) -> Exception:
    """The error as one that a future can hold and that ends no loop, which exit() and StopIteration would."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    told = RuntimeError(f"{type(error).__name__}: {one_line(str(error))}")
    told.__cause__ = error
    return told
