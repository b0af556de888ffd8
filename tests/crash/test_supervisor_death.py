"""The supervisor, the worker and what a handler starts: who ends with whom."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.crash.test_two_runs import go_on, in_the_handler
from tests.installation import Installation, finish, make_mail


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ends(pid: int, seconds: float = 3.0) -> bool:
    """Whether a process ends within these seconds."""
    deadline = time.monotonic() + seconds
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not lives(pid)


def test_the_worker_ends_with_its_supervisor(installation: Installation) -> None:
    """SIGKILL for the supervisor is the end of the worker too, and the next run handles the message once."""
    installation.append(make_mail("1 wait"))
    supervisor = in_the_handler(installation)
    (worker,) = children(supervisor.pid)
    supervisor.kill()
    assert ends(worker)
    finish(supervisor)
    go_on(installation)
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.calls()) == (["1"], ["1 wait 1", "1 wait 2"])
    assert installation.left_in_maildrop() == []


def test_a_killed_worker_is_followed_by_another_in_the_same_run(installation: Installation) -> None:
    """SIGKILL for the worker costs no run: the supervisor tells it and starts the next, which handles the message."""
    installation.append(make_mail("1 wait"))
    supervisor = in_the_handler(installation)
    os.kill(children(supervisor.pid)[0], signal.SIGKILL)
    go_on(installation)
    done = finish(supervisor)
    assert (done.returncode, done.stderr.count("the worker died of it, it was ended by SIGKILL")) == (0, 1)
    assert (installation.effects(), installation.calls()) == (["1"], ["1 wait 1", "1 wait 2"])


@pytest.mark.parametrize("failpoint", ["receive", "after-commit", "after-store", "after-expunge"])
def test_a_worker_that_dies_outside_of_any_message_ends_the_run(installation: Installation, failpoint: str) -> None:
    """No mail is to blame there: the run says so and exits 70, and the next one makes it right."""
    installation.append(make_mail("1"), make_mail("2"))
    done = installation.run(failpoint=f"{failpoint}:kill")
    assert done.returncode == 70
    assert "the worker died outside of any message: it was ended by SIGKILL" in done.stderr
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2"], [])
    assert len(installation.calls()) == 2


def test_what_a_handler_started_ends_with_the_worker(installation: Installation) -> None:
    """A program that a handler has left running is ended with the worker, so that nothing piles up under cron."""
    installation.append(make_mail("1 spawn"))
    assert installation.run().returncode == 0
    assert ends(int((installation.folder / "spawned").read_text()))


def test_what_escapes_from_a_handler_holds_no_lock(installation: Installation) -> None:
    """A process that has left the worker's group lives on, but it does not keep the next run out."""
    installation.append(make_mail("1 escape"))
    assert installation.run().returncode == 0
    escaped = int((installation.folder / "spawned").read_text())
    try:
        assert lives(escaped)
        installation.append(make_mail("2"))
        assert installation.run().returncode == 0
        assert installation.effects() == ["1", "2"]
    finally:
        os.kill(escaped, signal.SIGKILL)
