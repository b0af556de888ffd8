"""A call in a thread: its end, whatever that is, comes back, and its place is free again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from mailproc.smtpd.threads import answered


def asked(call: Callable[[], object], gate: asyncio.Semaphore | None = None) -> object:
    """What comes of a call."""

    async def main() -> object:
        free = gate or asyncio.Semaphore(1)
        await free.acquire()
        try:
            return await asyncio.wait_for(answered(call, free), 10)
        finally:
            await asyncio.wait_for(free.acquire(), 10)

    return asyncio.run(main())


def test_an_answer_comes_back() -> None:
    """From another thread."""
    assert asked(threading.current_thread) is not threading.current_thread()


@pytest.mark.parametrize("error", [ValueError("x"), StopIteration("x"), SystemExit("x"), KeyboardInterrupt("x")])
def test_whatever_is_raised_comes_back(error: BaseException) -> None:
    """Also what a future cannot hold, such as of a ``next()`` without a default, and what would end the thread unheard."""

    def call() -> None:
        raise error

    with pytest.raises(Exception, match="x") as raised:
        asked(call)
    assert (raised.value is error) == isinstance(error, ValueError)
    assert raised.value is error or raised.value.__cause__ is error


def test_without_a_thread_the_place_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is full for a moment must not take the places for good."""

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        asked(lambda: None)


def test_nobody_needs_to_wait() -> None:
    """The call of a client that has gone goes on to its end, and its place is taken until then."""
    go_on, ended = threading.Event(), threading.Event()

    def call() -> None:
        go_on.wait(10)
        ended.set()

    async def main() -> bool:
        gate = asyncio.Semaphore(1)
        await gate.acquire()
        answered(call, gate).cancel()
        taken = gate.locked()
        go_on.set()
        await asyncio.wait_for(gate.acquire(), 10)
        return taken

    assert asyncio.run(main())
    assert ended.is_set()
