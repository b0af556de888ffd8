"""Poison: a mail that ends, hangs or fattens the process that works on it costs only itself (promise 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installation import DovecotBox, Installation, make_mail
from tests.servers.relay import RelayServer

NEIGHBOURS = ["1", "2", "4", "5"]


def with_poison_in_the_middle(installation: Installation, deed: str) -> str:
    """Run a chunk of five whose third is poison; what was written to stderr."""
    installation.append(*(make_mail(subject) for subject in ("1", "2", f"3 {deed}", "4", "5")))
    done = installation.run()
    assert done.returncode == 0, done.stderr
    return done.stderr


def assert_set_aside(installation: Installation, deed: str, how: str) -> None:
    """The poison was started three times and then failed with an OOPS that says ``how``; its neighbours were handled once."""
    assert installation.left_in_maildrop() == []
    assert installation.effects() == NEIGHBOURS
    assert installation.dispositions() == ["handled", "handled", "failed", "handled", "handled"]
    assert installation.balance().balanced
    assert [call for call in installation.calls() if deed in call] == [f"3 {deed} {n}" for n in (1, 2, 3)]
    (oops,) = installation.oopses()
    assert re.fullmatch(rf"gave up after 3 starts without an outcome; the last time {how}", oops.exception), oops.exception
    assert installation.receipts()[2].oops_id == oops.id


def test_a_handler_that_kills_its_process_is_set_aside_after_three_starts(installation: Installation) -> None:
    """In the handler, even SIGKILL: three starts, alone from the second on, then failed with the OOPS "gave up"."""
    said = with_poison_in_the_middle(installation, "kill")
    assert_set_aside(installation, "kill", "it was ended by SIGKILL")
    # Every death is told, with where the mail is.
    url = installation.receipts()[2].archive_url
    assert said.count(f"the worker died of it, it was ended by SIGKILL; its mail is {url}") == 3
    # The neighbours died with it once, before their effects were committed, and never again.
    by_name = {name: [call for call in installation.calls() if call.split()[0] == name] for name in NEIGHBOURS}
    assert by_name == {"1": ["1 1", "1 2"], "2": ["2 1", "2 2"], "4": ["4 2"], "5": ["5 2"]}
    # Its sender is told the number of the OOPS, once.
    (answer,) = installation.sent()
    assert answer["In-Reply-To"] == "<3.kill@example.com>"
    assert installation.oopses()[0].id in answer.as_string()


def test_three_dead_runs_count_as_three_deaths_in_one(installation: Installation) -> None:
    """The count of starts is in the database: it outlives the run, and the fourth run gives up without a call."""
    installation.append(make_mail("3"))
    for attempt in (1, 2, 3):
        assert installation.run(failpoint="handler-start:killall").returncode == -9
        assert [(receipt.disposition, receipt.attempts) for receipt in installation.receipts()] == [(None, attempt)]
    assert installation.run(failpoint="handler-start:killall").returncode == 0
    assert (installation.dispositions(), installation.effects(), installation.calls()) == (["failed"], [], [])
    assert "gave up after 3 starts without an outcome" in installation.oopses()[0].exception
    assert installation.left_in_maildrop() == []


def test_a_death_on_the_last_start_but_one_is_forgiven(installation: Installation) -> None:
    """Two deaths are not three: a message that is handled at its third start is handled, without an OOPS."""
    installation.append(make_mail("3"))
    for _ in range(2):
        assert installation.run(failpoint="before-commit:killall").returncode == -9
    assert installation.run().returncode == 0
    assert (installation.dispositions(), installation.effects(), installation.oopses()) == (["handled"], ["3"], [])
    assert installation.calls() == ["3 1", "3 2", "3 3"]


def test_a_handler_that_commits_and_is_killed_leaves_one_row(installation: Installation) -> None:
    """``session.commit()`` in a handler that is killed right after commits nothing: at its next start it writes its one row."""
    for subject in ("1", "2 commit killonce", "3"):
        installation.append(make_mail(subject))
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.dispositions()) == (["1", "2", "3"], ["handled"] * 3)
    assert (installation.left_in_maildrop(), installation.oopses()) == ([], [])


Quick = Callable[..., Installation]


@pytest.fixture
def quick(tmp_path: Path, sqlite_url: str, box: DovecotBox, relay: RelayServer) -> Quick:
    """An installation with limits of its own; which database it is makes no difference to the supervisor."""
    return lambda **limits: Installation(tmp_path, sqlite_url, box, relay=relay, limits=limits)


def test_a_handler_that_takes_too_long_is_set_aside(quick: Quick) -> None:
    """A message that exceeds ``limits.message_time`` three times has failed, and the others are handled."""
    with quick(message_time="1 s") as installation:
        with_poison_in_the_middle(installation, "stubborn 20")
        assert_set_aside(installation, "stubborn 20", r"it took longer than 1 s")


def test_a_handler_that_takes_too_much_memory_is_set_aside(quick: Quick) -> None:
    """A message at which the worker exceeds ``limits.memory`` three times has failed, and the others are handled."""
    with quick(memory="160 MiB") as installation:
        with_poison_in_the_middle(installation, "grow")
        assert_set_aside(installation, "grow", r"it took more than 160 MiB of memory")


def test_a_handler_that_leaves_without_a_word_is_set_aside(quick: Quick) -> None:
    """``os._exit(0)`` in a handler, which skips every ``finally``, is a death like any other."""
    with quick() as installation:
        with_poison_in_the_middle(installation, "vanish")
        assert_set_aside(installation, "vanish", r"it called exit\(0\)")


def test_a_handler_that_calls_exit_fails_alone(installation: Installation) -> None:
    """``sys.exit`` in a handler ends no run: it is a bug of the handler, with its OOPS at the first start."""
    with_poison_in_the_middle(installation, "exit")
    assert installation.effects() == NEIGHBOURS
    assert installation.oopses()[0].exception == "SystemExit: a handler's own exit"
    assert len(installation.calls()) == 5


def test_a_mail_whose_parsing_kills_is_given_up_unread(quick: Quick) -> None:
    """A death while a mail is examined counts as a start too, and after three the mail has failed with an OOPS."""
    with quick() as installation:
        installation.append(make_mail("1"))
        done = installation.run(failpoint="parse:kill")
        assert done.returncode == 0, done.stderr
        assert (installation.dispositions(), installation.left_in_maildrop()) == (["failed"], [])
        assert installation.calls() == []
        assert "gave up after 3 starts" in installation.oopses()[0].exception
