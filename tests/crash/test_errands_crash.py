"""Errands in a real run: a crash repeats one at the most, and one that ends its process costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, MaildirBox, make_mail

KILLED = -9


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, on a Maildir: what is shown here comes after the maildrop."""
    limits = {"message_time": "2 s"}
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir"), limits=limits) as installation:
        yield installation


def performed(installation: Installation) -> list[str]:
    """The calls of ``perform``."""
    return [call for call in installation.calls() if call.startswith("errand ")]


def test_a_crash_before_an_errand_loses_none(installation: Installation) -> None:
    """The intent is committed with the message: who dies then has it carried out by the next run."""
    installation.append(make_mail("1 intend 1"))
    assert installation.run(failpoint="after-commit:killall").returncode == KILLED
    assert (installation.dispositions(), performed(installation)) == (["handled"], [])
    assert installation.state.pending
    assert installation.run().returncode == 0
    assert performed(installation) == ["errand 1 1"]
    assert installation.errands() == [("done", "did 1", None)]
    assert not installation.state.pending


@pytest.mark.parametrize(("failpoint", "calls"), [("errand-start", 0), ("errand-done", 1)])
def test_a_crash_in_an_errand_repeats_it_once_and_says_so(installation: Installation, failpoint: str, calls: int) -> None:
    """Nobody can know whether the other side has done it, so the next try is told that it is uncertain."""
    installation.append(make_mail("1 intend 1"))
    assert installation.run(failpoint=f"{failpoint}:killall").returncode == KILLED
    assert len(performed(installation)) == calls
    assert installation.run().returncode == 0
    assert performed(installation) == ["errand 1 1"] * calls + ["errand 1 again 1"]
    assert (installation.errands(), installation.effects()) == ([("done", "did 1", None)], ["1"])


@pytest.mark.parametrize(("deed", "how"), [("kill", "it was ended by SIGKILL"), ("sleep", "it took longer than 2 s")])
def test_an_errand_that_ends_its_process_is_set_aside(installation: Installation, deed: str, how: str) -> None:
    """It is started three times; its neighbours are done once, and no mail is handled twice (promise 5)."""
    installation.append(make_mail("1 intend 1"), make_mail(f"2 intend 2 {deed}"), make_mail("3 intend 3"))
    done = installation.run(timeout=40)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(how) == 3
    (one, (state, note, oops_id), three) = installation.errands()
    assert (one, three) == (("done", "did 1", None), ("done", "did 3", None))
    assert (state, note) == ("failed", "gave up after 3 starts without an end")
    assert [oops.id for oops in installation.oopses()] == [oops_id]
    assert performed(installation).count("errand 1 1") + performed(installation).count("errand 3 1") == 2
    assert (installation.effects(), installation.balance().balanced) == (["1", "2", "3"], True)


def test_one_death_is_forgiven(installation: Installation) -> None:
    """What was done before it is known to the next start."""
    installation.append(make_mail("1 intend 1 killonce"))
    assert installation.run().returncode == 0
    assert performed(installation) == ["errand 1 1", "errand 1 again 1"]
    assert (installation.errands(), installation.oopses()) == ([("done", "did 1", None)], [])
