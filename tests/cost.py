"""What a call costs, said so that it holds on a slow machine, and on one that does something else at the same time.

The figures that we promise come from ``benchmarks``; a test only shows that a cost has not left its order of magnitude.
"""

import gc
import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

Answer = TypeVar("Answer")

USUAL = 0.05  # seconds of `_known_work` on a machine for which the limits in the tests were chosen
TRIES = 3


def within(limit: float, work: Callable[[], Answer]) -> Answer:
    """What ``work`` answers; AssertionError when it takes more than ``limit`` seconds of a usual machine's processor.

    Each try is compared with known work done just before and after it, and the least of all tries counts: what else a
    machine has to do makes a call dearer, never cheaper. What is cheap enough beside the quickest known work of this process
    needs none of that.
    """
    seconds, answer = _timed(work)
    if seconds * USUAL / _quickest() <= limit:
        return answer
    costs: list[float] = []
    before, _ = _timed(_known_work)
    while True:
        seconds, answer = _timed(work)
        after, _ = _timed(_known_work)
        costs.append(seconds * USUAL / max(before, after))
        if costs[-1] <= limit:
            return answer
        assert len(costs) < TRIES, f"{min(costs):.3g} s, the least of {TRIES} tries, where {limit:g} s are allowed"
        before = after


@cache
def _quickest() -> float:
    return min(_timed(_known_work)[0] for _ in range(TRIES))


def _timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    gc.freeze()  # what other tests have left behind is not searched on account of this call
    try:
        began = time.process_time()
        answer = work()
        return time.process_time() - began, answer
    finally:
        gc.unfreeze()


def _known_work() -> int:
    words = [f"{number:07}" for number in range(60_000)]
    words.sort(key=lambda word: word[::-1])
    return len({word[2:] for word in words})
