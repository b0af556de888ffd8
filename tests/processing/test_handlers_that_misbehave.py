"""What a handler does to its process costs its own message only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc import Delivery, Outcome, handler
from mailproc.outcome import Disposition
from mailproc.testing import PostOffice, SigningKey, make_mail
from tests.installation import Installation, MaildirBox
from tests.installation import make_mail as mail_of

TO = "book@notes.example.org"


@handler()
def forge(delivery: Delivery) -> Outcome:
    """End with a word that is none of ours."""
    return Outcome("done", "all is well")  # type: ignore[arg-type]


@handler()
def generous(delivery: Delivery) -> Outcome:
    """Hand over the mails to be sent as a generator, which can be read but once."""
    return Outcome(Disposition.HANDLED, send=(delivery.reply(text) for text in ["thanks"]))  # type: ignore[arg-type]


def test_a_forged_end_is_a_bug_of_the_handler() -> None:
    """An end outside of the vocabulary fails the message, and does not stand in the ledger."""
    with PostOffice() as office:
        office.bind("notes.example.org", forge)
        office.user("ann", "ann@example.com")
        delivered = office.deliver(make_mail(to=TO))
        assert (delivered.disposition, delivered.oops is not None) == ("failed", True)


def test_mails_may_come_from_a_generator() -> None:
    """What a handler wants to send is sent, whichever iterable holds it."""
    with PostOffice() as office:
        office.bind("notes.example.org", generous)
        office.user("ann", "ann@example.com")
        assert [sent.text.strip() for sent in office.deliver(make_mail(to=TO)).sent] == ["thanks"]


def test_another_spelling_of_the_recipient_is_no_other_recipient() -> None:
    """A strong signature counts once, however the address is written."""
    with SigningKey.generate("Ann <ann@example.com>") as key, PostOffice() as office:
        office.bind("notes.example.org", generous)
        office.user("ann", "ann@example.com", key=key)
        mail = make_mail(to=TO, text="open", key=key)
        assert office.deliver(mail).disposition == "handled"
        assert office.deliver(mail, to="Book@notes.example.org").rule == "replay"


@pytest.mark.parametrize("deed", ["forkexit", "forkreturn"])
def test_a_forked_child_that_comes_back_ends(tmp_path: Path, database_url: str, deed: str) -> None:
    """A child of a handler does not go on as a second worker: each message is handled once, by the parent."""
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir")) as installation:
        installation.append(mail_of("1"), mail_of(f"2 {deed}"), mail_of("3"))
        assert installation.run().returncode == 0
        assert installation.effects() == ["1", "2", "3"]
        assert len(installation.calls()) == 3


def test_an_alarm_of_a_handler_is_its_own_affair(tmp_path: Path, sqlite_url: str) -> None:
    """An alarm that a handler sets without listening for it does not end its message as if we were to stop."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation:
        installation.append(mail_of("1 alarm"), mail_of("2"))
        assert installation.run().returncode == 0
        assert (installation.effects(), len(installation.calls())) == (["1", "2"], 2)


def test_a_raised_interruption_is_a_bug_unless_we_are_to_stop(tmp_path: Path, sqlite_url: str) -> None:
    """A handler that raises what only we may raise has failed, and is not called again for ever."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation:
        installation.append(mail_of("1 interrupted"), mail_of("2"))
        assert installation.run().returncode == 0
        assert installation.effects() == ["2"]
        assert installation.dispositions() == ["failed", "handled"]


def test_a_failed_mail_that_is_kept_is_not_handled_again_for_its_copy(tmp_path: Path, sqlite_url: str) -> None:
    """Two copies of a mail that fails, both kept: one OOPS, however often cron runs."""
    box = MaildirBox(tmp_path / "Maildir")
    with Installation(tmp_path, sqlite_url, box, after={"failed": "keep"}) as installation:
        installation.append(mail_of("1 raise"), mail_of("1 raise"))
        for _ in range(3):
            assert installation.run().returncode == 0
        assert len(installation.oopses()) == 1


def test_a_child_of_the_shell_that_started_us_is_spared(tmp_path: Path, sqlite_url: str) -> None:
    """What was there before the run is not ours to end."""
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir")) as installation:
        installation.append(mail_of("1"))
        script = 'sleep 30 & echo $!; exec "$0" -m mailproc --config "$1" handle'
        python, config = sys.executable, str(installation.config)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        shell = subprocess.Popen(
            ["sh", "-c", script, python, config], stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        assert shell.stdout is not None
        sleeper = int(shell.stdout.readline())
        try:
            assert shell.wait(timeout=30) == 0
            assert installation.effects() == ["1"]
            os.kill(sleeper, 0)
        finally:
            os.kill(sleeper, signal.SIGKILL)
            shell.stdout.close()
