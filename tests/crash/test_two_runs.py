"""Two runs at once: one works a maildrop, and no message has its effect twice (promise 2)."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest

from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.nursery.process import Running
from tests.processes import wait_for
from tests.servers.dovecot import Dovecot


@pytest.fixture
def pair(tmp_path: Path, database_url: str, dovecot: Dovecot) -> Installation:
    """An installation with the maildrops ``main`` and ``second``, worked in small chunks."""
    boxes = [DovecotBox(dovecot, f"robot-{secrets.token_hex(6)}") for _ in range(2)]
    return Installation(tmp_path, database_url, *boxes, limits={"chunk_messages": 4})


def in_the_handler(installation: Installation, *arguments: str) -> Running:
    """A run whose handler waits for the file ``go``."""
    process = installation.start(*arguments)
    wait_for(lambda: installation.calls() or process.poll() is not None)
    assert process.poll() is None, finish(process, 1).stderr
    return process


def go_on(installation: Installation) -> None:
    """Let the handler end."""
    (installation.folder / "go").touch()


def test_a_second_run_says_who_is_at_work_and_exits_75(installation: Installation) -> None:
    """One maildrop is worked by one run; the other names its process and leaves everything alone."""
    installation.append(make_mail("1 wait"), make_mail("2"))
    first = in_the_handler(installation)
    second = installation.run()
    assert (second.returncode, second.stderr) == (75, f"mailproc: maildrop main: process {first.pid} is at work on it\n")
    go_on(installation)
    assert finish(first).returncode == 0
    assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2"], [])
    assert installation.calls() == ["1 wait 1", "2 1"]


def test_a_run_that_may_wait_takes_its_turn(installation: Installation) -> None:
    """With ``--wait`` the second run begins when the first has ended, and finds nothing to do."""
    installation.append(make_mail("1 wait"))
    first = in_the_handler(installation)
    second = installation.start("--wait")
    go_on(installation)
    assert (finish(first).returncode, finish(second).returncode) == (0, 0)
    assert (installation.effects(), installation.calls()) == (["1"], ["1 wait 1"])


def test_the_lock_of_a_killed_run_is_free_at_once(installation: Installation) -> None:
    """There is no stale lock: the kernel frees it with the process."""
    installation.append(make_mail("1"))
    assert installation.run(failpoint="handler-half:killall").returncode == -9
    assert installation.run().returncode == 0
    assert installation.effects() == ["1"]


def test_a_mail_in_two_maildrops_has_one_effect_while_both_are_worked(pair: Installation) -> None:
    """While one process is in the handler of a mail, another that meets the same bytes elsewhere leaves them alone."""
    with pair as installation:
        installation.append(make_mail("1 wait"))
        installation.append(make_mail("1 wait"), make_mail("2"), box=1)
        first = in_the_handler(installation, "--maildrop", "main")
        second = installation.start("--maildrop", "second")
        time.sleep(1)
        go_on(installation)
        assert [finish(first).returncode, finish(second).returncode] == [0, 0]
        assert installation.run().returncode == 0  # what was in another's hands then is a copy now
        assert (installation.left_in_maildrop(), installation.left_in_maildrop(box=1)) == ([], [])
        assert installation.effects() == ["1", "2"]
        assert installation.calls().count("1 wait 1") == 1
        assert [receipt.copies for receipt in installation.receipts()] == [1, 0]
        assert installation.balance().balanced


def test_the_same_mails_in_two_maildrops_in_opposite_order(pair: Installation) -> None:
    """Two processes that meet the same mails from both ends neither block each other nor handle one twice."""
    with pair as installation:
        mails = [make_mail(str(number)) for number in range(20, 40)]
        installation.append(*mails)
        installation.append(*reversed(mails), box=1)
        runs = [installation.start("--maildrop", name) for name in ("main", "second")]
        ended = [finish(run) for run in runs]
        assert [run.returncode for run in ended] == [0, 0], [run.stderr for run in ended]
        assert installation.run().returncode == 0
        assert (installation.left_in_maildrop(), installation.left_in_maildrop(box=1)) == ([], [])
        assert installation.effects() == [str(number) for number in range(20, 40)]
        assert len(installation.calls()) == 20
        assert [receipt.copies for receipt in installation.receipts()] == [1] * 20


def test_a_run_takes_over_from_a_dead_one_but_not_from_a_living_one(pair: Installation) -> None:
    """A waiting receipt belongs to the process that started it for as long as that lives, and to anybody afterwards."""
    with pair as installation:
        installation.append(make_mail("1"))
        installation.append(make_mail("1"), box=1)
        assert installation.run("--maildrop", "main", failpoint="handler-half:killall").returncode == -9
        assert installation.run("--maildrop", "second").returncode == 0
        assert installation.effects() == ["1"]
        assert (installation.left_in_maildrop(), installation.left_in_maildrop(box=1)) == (["1"], [])
        assert installation.run().returncode == 0
        assert (installation.left_in_maildrop(), installation.effects()) == ([], ["1"])
