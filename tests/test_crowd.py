"""Work that can wait gives way to clients that crowd at a door, and not for ever."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from mailproc.crowd import Crowd


@pytest.fixture
def crowd(tmp_path: Path) -> Crowd:
    """One that was never there."""
    return Crowd(tmp_path / "crowd")


def test_a_crowd_is_there_for_a_moment(crowd: Crowd) -> None:
    """It is there when it is noted, and has gone soon after; nobody has to say so."""
    assert not crowd.is_there()
    crowd.note()
    assert crowd.is_there()
    crowd.give_way()
    assert not crowd.is_there()


def test_a_clock_that_was_put_back_is_no_crowd(crowd: Crowd) -> None:
    """A time to come says nothing."""
    crowd.note()
    later = time.time() + 3600
    os.utime(crowd.path, (later, later))
    assert not crowd.is_there()


def test_a_crowd_that_cannot_be_noted_is_no_fault(tmp_path: Path) -> None:
    """Where the file cannot be made, nobody gives way and nothing else happens."""
    nowhere = Crowd(tmp_path / "away" / "crowd")
    nowhere.note()
    assert not nowhere.is_there()


def test_a_crowd_that_stays_does_not_stop_the_work(crowd: Crowd) -> None:
    """Whoever gives way goes on while the crowd is still there."""
    gone = threading.Event()

    def stay() -> None:
        while not gone.wait(0.02):
            crowd.note()

    staying = threading.Thread(target=stay)
    crowd.note()
    staying.start()
    try:
        crowd.give_way()
        assert crowd.is_there()
    finally:
        gone.set()
        staying.join()
