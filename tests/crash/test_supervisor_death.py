"""The supervisor, the worker and what a handler starts: who ends with whom."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.crash.test_two_runs import go_on, in_the_handler
from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.processes import children_of, lives, wait_for


def test_the_worker_ends_with_its_supervisor(installation: Installation) -> None:
    """SIGKILL for the supervisor is the end of the worker too, and the next run handles the message once."""
    installation.append(make_mail("1 wait"))
    supervisor = in_the_handler(installation)
    (worker,) = children_of(supervisor.pid)
    supervisor.kill()
    wait_for(lambda: not lives(worker), 3)
    finish(supervisor)
    go_on(installation)
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.calls()) == (["1"], ["1 wait 1", "1 wait 2"])
    assert installation.left_in_maildrop() == []


def test_a_killed_worker_is_followed_by_another_in_the_same_run(installation: Installation) -> None:
    """SIGKILL for the worker costs no run: the supervisor tells it and starts the next, which handles the message."""
    installation.append(make_mail("1 wait"))
    supervisor = in_the_handler(installation)
    os.kill(children_of(supervisor.pid)[0], signal.SIGKILL)
    go_on(installation)
    done = finish(supervisor)
    assert (done.returncode, done.stderr.count("the worker died of it, it was ended by SIGKILL")) == (0, 1)
    assert (installation.effects(), installation.calls()) == (["1"], ["1 wait 1", "1 wait 2"])


@pytest.mark.parametrize("failpoint", ["receive", "after-store"])
def test_a_worker_that_dies_outside_of_any_message_ends_the_run(installation: Installation, failpoint: str) -> None:
    """No mail is to blame there: the run says so and exits 70, and the next one makes it right."""
    installation.append(make_mail("1"), make_mail("2"))
    done = installation.run(failpoint=f"{failpoint}:kill")
    assert done.returncode == 70
    assert "the worker died outside of any message: it was ended by SIGKILL" in done.stderr
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2"], [])
    assert len(installation.calls()) == 2


@pytest.mark.parametrize("deed", ["spawn", "escape"])
def test_what_a_handler_started_ends_with_the_worker(installation: Installation, deed: str) -> None:
    """What a handler has left running, even in a session of its own, is ended: nothing piles up under cron."""
    installation.append(make_mail(f"1 {deed}"))
    assert installation.run().returncode == 0
    wait_for(lambda: not lives(int((installation.folder / "spawned").read_text())), 3)


def test_what_outlives_a_killed_supervisor_holds_no_lock(tmp_path: Path, sqlite_url: str, box: DovecotBox) -> None:
    """A process that has escaped from a run that was killed keeps neither the maildrop nor its messages from the next."""
    with Installation(tmp_path, sqlite_url, box) as installation:
        escaped = killed_with_an_escapee(installation)
        try:
            assert installation.run().returncode == 0
            assert lives(escaped)
            assert (installation.effects(), installation.left_in_maildrop()) == (["1"], [])
        finally:
            os.kill(escaped, signal.SIGKILL)


def test_what_outlives_a_killed_supervisor_on_postgresql(tmp_path: Path, postgresql_url: str, box: DovecotBox) -> None:
    """There it has inherited a connection with an open transaction: runs fail in bounded time until it has ended."""
    url = f"{postgresql_url}?options=-c%20lock_timeout%3D1s"
    with Installation(tmp_path, url, box) as installation:
        escaped = killed_with_an_escapee(installation)
        try:
            done = installation.run()
            assert (done.returncode, "lock timeout" in done.stderr) == (75, True)
            assert installation.left_in_maildrop() == ["1 escape wait"]
        finally:
            os.kill(escaped, signal.SIGKILL)
        wait_for(lambda: not lives(escaped), 3)
        assert installation.run().returncode == 0
        assert (installation.effects(), installation.left_in_maildrop()) == (["1"], [])


def killed_with_an_escapee(installation: Installation) -> int:
    """Kill a run whose handler has left a process behind; its number."""
    installation.append(make_mail("1 escape wait"))
    supervisor = in_the_handler(installation)
    escaped = escapee(installation)
    supervisor.kill()
    finish(supervisor)
    go_on(installation)
    return escaped


def escapee(installation: Installation) -> int:
    """The process that the handler has left behind, as soon as it says so."""
    file = installation.folder / "spawned"
    wait_for(lambda: file.exists() and file.read_text())
    return int(file.read_text())
