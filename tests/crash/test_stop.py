"""Being told to stop: within ten seconds, with what is done committed and what is not given back (promise 7)."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.crash.test_two_runs import go_on, in_the_handler
from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.processes import wait_for


def test_sigterm_lets_the_message_in_hand_end(installation: Installation) -> None:
    """The message in hand is finished, committed and deleted; the others are given back, and no start is held against them."""
    installation.append(make_mail("1 wait"), make_mail("2"), make_mail("3"))
    run = in_the_handler(installation)
    run.send_signal(signal.SIGTERM)
    go_on(installation)
    done = finish(run)
    assert (done.returncode, done.stderr) == (0, "")
    assert (installation.effects(), installation.left_in_maildrop()) == (["1"], ["2", "3"])
    assert [(receipt.disposition, receipt.attempts) for receipt in installation.receipts()] == [
        ("handled", 1), (None, 0), (None, 0),
    ]  # fmt: skip
    assert installation.state.pending
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2", "3"], [])
    assert [receipt.attempts for receipt in installation.receipts()] == [1, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_loses_nothing(tmp_path: Path, sqlite_url: str, box: DovecotBox, number: int) -> None:
    """A run that is told to stop, wherever it is, ends soon, and the next one handles what is left."""
    with Installation(tmp_path, sqlite_url, box) as installation:
        installation.append(*(make_mail(str(name)) for name in range(10, 30)))
        run = installation.start()
        time.sleep(0.5)
        run.send_signal(number)
        began = time.monotonic()
        finish(run)
        assert time.monotonic() - began < 10
        assert installation.run().returncode == 0
        assert installation.effects() == [str(name) for name in range(10, 30)]
        assert (len(installation.calls()), installation.left_in_maildrop()) == (20, [])


def stopped_within_ten_seconds(installation: Installation, deed: str) -> str:
    """Tell a run to stop while the second of three messages takes long; what it has said."""
    installation.append(make_mail("1"), make_mail(f"2 {deed}"), make_mail("3"))
    run = installation.start()
    wait_for(lambda: len(installation.calls()) == 2)
    run.send_signal(signal.SIGTERM)
    began = time.monotonic()
    said = finish(run).stderr
    assert time.monotonic() - began < 10
    return said


def test_sigterm_interrupts_a_handler_that_takes_long(tmp_path: Path, postgresql_url: str, box: DovecotBox) -> None:
    """A handler that does not end in time is interrupted: what was done before it is committed, what follows is given back.

    Its own start counts: next time it comes last and alone, and after three of them it is set aside.
    """
    with Installation(tmp_path, postgresql_url, box) as installation:
        assert stopped_within_ten_seconds(installation, "sleep 60") == ""
        assert (installation.effects(), installation.left_in_maildrop()) == (["1"], ["2 sleep 60", "3"])
        assert [(receipt.disposition, receipt.attempts) for receipt in installation.receipts()] == [
            ("handled", 1), (None, 1), (None, 0),
        ]  # fmt: skip
        assert installation.oopses() == []


def test_sigterm_ends_a_handler_that_swallows_it(tmp_path: Path, sqlite_url: str, box: DovecotBox) -> None:
    """A handler that goes on whatever is raised in it is killed in time; its chunk had one start, and is worked again."""
    with Installation(tmp_path, sqlite_url, box) as installation:
        assert "it did not stop when told to" in stopped_within_ten_seconds(installation, "stubborn 20")
        assert (installation.effects(), installation.left_in_maildrop()) == ([], ["1", "2 stubborn 20", "3"])
        assert [(receipt.disposition, receipt.attempts) for receipt in installation.receipts()] == [(None, 1)] * 3


def test_the_stop_file_keeps_a_run_from_starting_anything(installation: Installation) -> None:
    """With the file ``stop`` in the state folder a run does nothing, says nothing and exits 0."""
    installation.append(make_mail("1"))
    (installation.state.folder / "stop").touch()
    done = installation.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert (installation.left_in_maildrop(), installation.receipts()) == (["1"], [])


def test_the_stop_file_ends_a_run_after_the_message_in_hand(installation: Installation) -> None:
    """The file ``stop`` that appears during a run has it finish one message and leave the others where they are."""
    installation.append(make_mail("1 wait"), make_mail("2"))
    run = in_the_handler(installation)
    (installation.state.folder / "stop").touch()
    go_on(installation)
    assert finish(run).returncode == 0
    assert (installation.effects(), installation.left_in_maildrop()) == (["1"], ["2"])
    (installation.state.folder / "stop").unlink()
    assert installation.run().returncode == 0
    assert installation.effects() == ["1", "2"]
