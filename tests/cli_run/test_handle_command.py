"""`mailproc handle` as cron and as a person call it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli_run.calling import call_on_terminal
from tests.cli_run.conftest import Called
from tests.installation import DovecotBox, Installation, MaildirBox, make_mail
from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.timeout(90)
HOSTILE = "\x1b[2J\x1b]0;title\x07\u202egnp.exe"


def test_a_run_without_a_terminal_is_silent(imap_site: Installation, mailproc: Called) -> None:
    """Cron mails whatever is written, so nothing is when all is well: not for mail that is handled, dropped or rejected."""
    bounce = make_mail("2", header="Return-Path: <>")
    imap_site.append(make_mail("1"), bounce, make_mail("3 reject"), make_mail("4", sender="who@example.net"))
    ended = mailproc("handle")
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert imap_site.effects() == ["1", "3"]
    assert imap_site.left_in_maildrop() == []
    again = mailproc("handle")
    assert (again.status, again.out, again.err) == (0, "", "")


def test_handle_mail_is_another_name_for_it(site: Installation, mailproc: Called) -> None:
    """The second console script takes the same options."""
    program = str(Path(sys.executable).with_name("handle-mail"))
    site.append(make_mail("1"), make_mail("2"))
    ended = mailproc(started=[program, "--limit", "1"])
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert len(site.effects()) == 1
    shown = mailproc(started=[program, "--version"])
    assert shown.status == 64  # it is an option of mailproc
    assert "Empty the maildrops" in mailproc(started=[program, "--help"]).out


def test_limit_is_a_number_of_messages(imap_site: Installation, mailproc: Called) -> None:
    """The others wait for the next run."""
    imap_site.append(*(make_mail(str(number)) for number in range(5)))
    assert mailproc("handle", "--limit", "2").status == 0
    assert imap_site.effects() == ["0", "1"]
    assert imap_site.left_in_maildrop() == ["2", "3", "4"]


def test_max_time_begins_no_further_chunk(make: Callable[..., Installation], mailproc: Called) -> None:
    """What has begun is finished; time is written as in the configuration."""
    site = make(limits={"chunk_messages": 1})
    site.append(make_mail("1 sleep 1.2"), make_mail("2"))
    assert mailproc("handle", "--max-time", "1 s").status == 0
    assert site.effects() == ["1"]
    assert site.left_in_maildrop() == ["2"]
    refused = mailproc("handle", "--max-time", "soon")
    assert refused.status == 64
    assert "--max-time" in refused.err


def test_maildrop_names_the_only_ones_that_are_worked(
    make: Callable[..., Installation], mailproc: Called, tmp_path: Path
) -> None:
    """The others are not even asked; a name that is said twice counts once."""
    site = make(MaildirBox(tmp_path / "One"), MaildirBox(tmp_path / "Two"))
    site.append(make_mail("1"))
    site.append(make_mail("2"), box=1)
    shutil.move(tmp_path / "One", tmp_path / "Away")
    ended = mailproc("handle", "--maildrop", "second", "--maildrop", "second")
    assert (ended.status, ended.err) == (0, "")
    assert site.effects() == ["2"]


def test_a_second_run_gives_up_at_once_or_waits(site: Installation, mailproc: Called) -> None:
    """Without --wait it exits with 75 and names the process at work; with it, it takes its turn."""
    site.append(make_mail("1 wait"))
    first = site.start()
    while site.calls() == []:
        time.sleep(0.02)
    busy = mailproc("handle")
    assert busy.status == 75
    assert busy.line == f"maildrop main: process {first.pid} is at work on it"
    waiting = site.start("--wait")
    time.sleep(0.5)
    assert waiting.poll() is None
    site.append(make_mail("2"))
    (site.folder / "go").touch()
    assert waiting.wait(30) == 0
    assert first.wait(30) == 0
    assert site.effects() == ["1", "2"]


def test_the_stop_file_keeps_a_run_from_starting(site: Installation, mailproc: Called) -> None:
    """Cron hears nothing; a person is told which file to remove."""
    site.append(make_mail("1"))
    stop = site.folder / "state" / "stop"
    stop.touch()
    ended = mailproc("handle")
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert site.calls() == []
    status, shown = call_on_terminal(site.folder, "handle", columns=200)
    assert (status, shown) == (0, f"Stopped by the file {stop}; remove it to go on.\r\n")
    stop.unlink()
    assert mailproc("handle").status == 0
    assert site.effects() == ["1"]


def test_fail_on_oops_makes_a_failed_message_the_status(site: Installation, mailproc: Called) -> None:
    """Without it a failed message is a line on stderr, since the run itself did its work."""
    site.append(make_mail("1 raise"))
    ended = mailproc("handle")
    assert ended.status == 0
    assert re.fullmatch(
        r"[0-9a-f]{24}: An exception was raised inside the handler: OOPS-[0-9A-Z-]+; the mail is file:///\S+", ended.line
    )
    site.append(make_mail("2 raise"))
    assert mailproc("handle", "--fail-on-oops").status == 70
    site.append(make_mail("3 reject"))
    assert mailproc("handle", "--fail-on-oops").status == 0


def test_fail_on_oops_is_graver_than_a_maildrop_that_is_away(
    make: Callable[..., Installation], mailproc: Called, tmp_path: Path
) -> None:
    """An OOPS is not hidden by an outage that passes."""
    site = make(MaildirBox(tmp_path / "One"), MaildirBox(tmp_path / "Two"))
    site.append(make_mail("1 raise"))
    shutil.rmtree(tmp_path / "Two")
    assert mailproc("handle", "--fail-on-oops").status == 70
    site.append(make_mail("2 raise"))
    assert mailproc("handle").status == 75


def test_a_dry_run_decides_and_changes_nothing(imap_site: Installation, mailproc: Called) -> None:
    """One record for each message in the maildrop; flags, mail, database and files stay as they are."""
    imap_site.append(make_mail("1"), make_mail("2", header="Return-Path: <>"), make_mail("3", sender="who@example.net"))
    box = imap_site.boxes[0]
    assert isinstance(box, DovecotBox)
    flags = box.dovecot.flags(box.user)
    files = {path for path in imap_site.folder.rglob("*") if not path.name.startswith("mailproc.db")}
    ended = mailproc("handle", "--dry-run", "--format", "jsonl")
    assert (ended.status, ended.err) == (0, "")
    uids = sorted(flags)
    assert [row["file"] for row in ended.rows] == [f"main/{uid}" for uid in uids]
    assert [(row["verdict"], row["action"], row["handler"]) for row in ended.rows] == [
        ("human", "process", "deeds"),
        ("bounce", "drop", "deeds"),
        ("human", "drop", "deeds"),
    ]
    assert box.dovecot.flags(box.user) == flags
    assert imap_site.receipts() == []
    assert imap_site.calls() == []
    assert {path for path in imap_site.folder.rglob("*") if not path.name.startswith("mailproc.db")} <= files | {
        imap_site.folder / "log"
    }
    assert len(mailproc("handle", "--dry-run", "--format", "jsonl", "--limit", "2").rows) == 2
    assert mailproc("handle", "--dry-run").out.count("What comes of it?") == 3


def test_a_dry_run_looks_at_the_beginning_of_a_mail_that_is_too_big(
    make: Callable[..., Installation], dovecot: Dovecot, user: str, mailproc: Called
) -> None:
    """The decision is that of a run: a bounce is a bounce however long it is, and what cannot be archived stays there."""
    site = make(DovecotBox(dovecot, user), limits={"max_archived": "400 KiB"})
    site.config.write_text('max_size = "300 KiB"\n' + site.config.read_text())
    large, huge = "x" * 76 + "\r\n", ""
    huge = large * 6000
    site.append(
        make_mail("1", text=large * 4000),
        make_mail("2", header="Return-Path: <>", text=large * 4000),
        make_mail("3", text=huge),
    )
    rows = mailproc("handle", "--dry-run", "--format", "jsonl").rows
    assert [(row["verdict"], row["action"]) for row in rows] == [
        ("too-big", "reject"),
        ("bounce", "drop"),
        ("too-big", "defer"),
    ]
    assert [row["sha256"] is not None for row in rows] == [True, True, False]
    assert all(row["size"] > 300 * 1024 for row in rows)


def test_a_dry_run_goes_on_after_a_maildrop_that_is_away(
    make: Callable[..., Installation], mailproc: Called, tmp_path: Path
) -> None:
    """The error and the status are those of a run."""
    site = make(MaildirBox(tmp_path / "One"), MaildirBox(tmp_path / "Two"))
    shutil.rmtree(tmp_path / "One")
    site.append(make_mail("2"), box=1)
    ended = mailproc("handle", "--dry-run", "--format", "jsonl")
    assert ended.status == 75
    assert [json.loads(line)["verdict"] for line in ended.out.splitlines()] == ["human"]
    assert re.fullmatch(r"mailproc: maildrop main: .*\n", ended.err)


def test_verbose_tells_every_event(imap_site: Installation, mailproc: Called) -> None:
    """Each line has a time, a level and who says it; nothing of it is written raw, and the password not at all."""
    imap_site.append(make_mail(f"1 reject {HOSTILE}"), make_mail("2"))
    ended = mailproc("handle", "-v")
    assert (ended.status, ended.out) == (0, "")
    lines = ended.err.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 (DEBUG|INFO|WARNING) [\w.]+: ", line) for line in lines), ended.err
    assert sum(": handled: wrote 2" in line for line in lines) == 1
    assert all(line.isprintable() for line in lines)
    assert "secret" not in ended.err


def test_a_terminal_shows_a_bar_and_a_summary(site: Installation, mailproc: Called) -> None:
    """An error stands on a line of its own, in the place of the bar; of a mail nothing is shown raw."""
    hostile = make_mail(f"99 raise {HOSTILE}")
    site.append(*(make_mail(str(number)) for number in range(30)), hostile)
    status, shown = call_on_terminal(site.folder, "handle", columns=300)
    assert status == 0
    assert "31/31" in shown
    assert "\r\x1b[Kmailproc: " in shown
    assert shown.endswith("30 handled, 1 failed\r\n")
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert call_on_terminal(site.folder, "handle") == (0, "No mail waits.\r\n")


def test_a_terminal_shows_no_bar_for_a_few_messages(site: Installation) -> None:
    """The summary says enough."""
    site.append(make_mail("1"), make_mail("2 defer"))
    assert call_on_terminal(site.folder, "handle") == (0, "1 handled, 1 deferred\r\n")


def test_an_interrupt_ends_a_run_in_order(site: Installation) -> None:
    """Ctrl-C finishes the message in hand, and leaves the others for the next run."""
    site.append(make_mail("1 sleep 1"), *(make_mail(str(number)) for number in range(2, 5)))
    run = site.start()
    while site.calls() == []:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert (run.returncode, out, err) == (0, "", "")
    assert "1" in site.effects()
    assert len(site.effects()) + len(site.left_in_maildrop()) == 4


@pytest.mark.parametrize(
    "wrong", [("--limit", "0"), ("--limit", "x"), ("--no-such",), ("surplus",), ("--format", "xml"), ("--max-time", "-1 s")]
)
def test_a_usage_error_is_64_and_touches_nothing(wrong: tuple[str, ...], site: Installation, mailproc: Called) -> None:
    """The text says which option is meant, and how to get help."""
    site.append(make_mail("1"))
    ended = mailproc("handle", *wrong)
    assert ended.status == 64
    assert "Try 'mailproc handle --help' for help." in ended.err
    assert "Traceback" not in ended.err
    assert site.left_in_maildrop() == ["1"]
