"""`mailproc deliver`: what an MTA is told of each mail, and what it is told when something is wrong with us."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mailproc.cli.deliver import reverse_path
from mailproc.pipe import source
from tests.installation import DOMAIN, RECIPIENT, SENDER, Installation, make_mail
from tests.pipe.mta import ROOT, Make, Mta, Told, is_empty, on_disk, told
from tests.processes import wait_for

WAITS = {
    "handled": (make_mail("1"), Told(0, "")),
    "dropped": (make_mail("1 drop"), Told(0, "")),
    "rejected": (make_mail("1 reject"), Told(65, "5.6.0 There is no such book.\n")),
    "deferred": (make_mail("1 defer"), Told(75, "4.3.0 Waiting for the tide; try again later\n")),
}


@pytest.mark.parametrize("case", WAITS)
def test_the_status_is_how_it_ended(mta: Mta, case: str) -> None:
    """And one line says why, unless all is well; stderr stays empty, because it would stand in the bounce too."""
    raw, expected = WAITS[case]
    assert mta.deliver(raw) == expected
    (receipt,) = mta.installation.receipts()
    assert (receipt.entrance, receipt.recipient, receipt.reverse_path) == ("pipe", RECIPIENT, SENDER)
    assert mta.installation.archived() == [raw]


@pytest.mark.parametrize("deed", ["raise", "kill"])
def test_what_fails_is_tried_three_times(mta: Mta, deed: str) -> None:
    """Then the mail is bounced, with the id of our OOPS and no word of ours, and it stays so."""
    raw = make_mail(f"1 {deed}")
    starts = {"raise": 3, "kill": 4}[deed]  # a process that died was not there to give up
    ends = [mta.deliver(raw) for _ in range(starts + 1)]
    assert [end.status for end in ends] == [75] * (starts - 1) + [70, 70]
    assert all(end.out.startswith("4.3.0 ") and end.err for end in ends[: starts - 1])
    assert re.fullmatch(r"5\.3\.0 Our fault \(OOPS-[0-9A-Z-]+\)\n", ends[-2].out)
    assert [(end.out, end.err) for end in ends[-2:]] == [(ends[-2].out, "")] * 2
    assert len(mta.installation.calls()) == 3
    assert mta.installation.effects() == []


def test_a_worker_that_hangs_is_ended(make: Make) -> None:
    """After `limits.message_time`; the start counts, and the MTA comes again."""
    mta = make(limits={"message_time": "1 s"})
    told = mta.deliver(make_mail("1 sleep 60"))
    assert told.status == 75 and "it took longer than 1 s" in told.err
    assert [receipt.attempts for receipt in mta.installation.receipts()] == [1]


REFUSED = {
    ("-r", f"nobody@{DOMAIN}"): Told(67, "5.1.1 No such address here\n"),
    ("-r", "book@elsewhere.example"): Told(67, "5.1.2 This domain is not served here\n"),
    ("-r", "book"): Told(67, "5.1.2 This domain is not served here\n"),
    ("-r", f"one\nX-Two: 2@{DOMAIN}"): Told(67, "5.1.3 This is no address\n"),
    ("-r", f"koob\u202e@{DOMAIN}"): Told(67, "5.1.3 This is no address\n"),
    ("-r", RECIPIENT, "-f", "ann@example.org\x1b[2J"): Told(67, "5.1.7 The sender is no address\n"),
    ("-r", f"no@{DOMAIN}"): Told(77, "5.7.1 Not to me\n"),
    ("-r", f"later@{DOMAIN}"): Told(75, "4.7.1 Come back at noon\n"),
    ("-r", RECIPIENT, "-r", f"nobody@{DOMAIN}"): Told(67, f"5.1.1 No such address here: nobody@{DOMAIN}\n"),
    ("-r", f"nobody@{DOMAIN}", "-r", f"later@{DOMAIN}"): Told(75, f"4.7.1 Come back at noon: later@{DOMAIN}\n"),
}


def test_who_is_not_taken_mail_for_is_told_before_anything_is_kept(make: Make) -> None:
    """The handler is asked, nobody else; one status is for all recipients, so that none is taken where one is not."""
    mta = make(handler="tests.pipe.handlers:Chatty")
    assert {arguments: mta.deliver(make_mail("1"), *arguments) for arguments in REFUSED} == REFUSED
    broken = mta.deliver(make_mail("1"), "-r", f"broken@{DOMAIN}")
    (oops,) = mta.installation.oopses()
    assert (broken.status, broken.out) == (75, f"4.3.0 Our fault ({oops.id}); try again later\n")
    assert (mta.installation.archived(), mta.installation.receipts()) == ([], [])


def test_what_a_handler_writes_does_not_reach_the_mta(make: Make) -> None:
    """Exim bounces a mail whose command has written anything; only what is tried again is explained on stderr."""
    mta = make(handler="tests.pipe.handlers:Chatty")
    assert mta.deliver(make_mail("1")) == Told(0, "")
    deferred = mta.deliver(make_mail("defer"))
    assert (deferred.status, deferred.out) == (75, "4.3.0 Waiting for a quiet hour; try again later\n")
    assert "a handler's noise" in deferred.err
    assert mta.deliver(make_mail("stdin")).out == "5.6.0 0 characters were on standard input\n"


def test_of_what_a_handler_prints_the_end_is_kept(make: Make) -> None:
    """Who prints without an end fills no disk."""
    deferred = make(handler="tests.pipe.handlers:Chatty").deliver(make_mail("flood"))
    assert deferred.out == "4.3.0 Waiting for a word that is not drowned; try again later\n"
    assert deferred.err.endswith("these are the last words\n") and len(deferred.err) <= 5000


CLOSED = {
    ">&-": ("handled", 0, ["handled"]),
    ">&- 2>&-": ("defer", 75, [None]),
    "<&- >&- 2>&-": ("handled", 75, []),
    "<&-": ("handled", 75, []),
}


@pytest.mark.parametrize("closed", CLOSED)
def test_a_descriptor_that_is_closed_is_one_of_dev_null(make: Make, closed: str) -> None:
    """The status is as true as with all three; what a handler prints gets into no file that has taken the free number."""
    mta = make(handler="tests.pipe.handlers:Chatty")
    subject, status, dispositions = CLOSED[closed]
    arguments = ["-m", "mailproc", "--config", str(mta.installation.config), "deliver", "-r", RECIPIENT]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, *arguments]
    ended = subprocess.run(shell, input=make_mail(subject), env=environ, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout[:6]) == (status, b"4.3.0 " if closed == "<&-" else b"")
    assert b"no mail on standard input" in ended.stderr if closed == "<&-" else not ended.stderr
    assert mta.installation.dispositions() == dispositions
    assert not [path for path in mta.installation.folder.rglob("*") if path.is_file() and b"nor this" in path.read_bytes()]


def test_the_mail_of_an_mta_that_writes_the_time_above_it_is_one(mta: Mta) -> None:
    """The line "From " of Postfix's flag F and of Exim is another one each time, and no part of the mail."""
    raw = make_mail("1", header="Return-Path: <eve@example.net>").replace(b"\r\n", b"\n")
    for minute in (b"10:00", b"10:01"):
        line = b"From bob@example.net Sat Nov 21 " + minute + b":00 2026\n"
        assert mta.deliver(line + raw, "-r", RECIPIENT) == Told(0, "")
    assert mta.installation.archived() == [raw]
    assert mta.installation.effects() == ["1"]
    assert [receipt.reverse_path for receipt in mta.installation.receipts()] == ["bob@example.net"]


PATHS = {
    "bob@example.net": "bob@example.net",
    "<bob@example.net>": "bob@example.net",
    "": "",
    "<>": "",
    "MAILER-DAEMON": "",
    "mailer-daemon@example.net": "mailer-daemon@example.net",
    b"b\xff@example.net".decode("utf-8", "surrogateescape"): "b\ufffd@example.net",
}


def test_the_null_path_has_many_forms() -> None:
    """And what is no UTF-8 can be stored all the same."""
    assert {path: reverse_path(path) for path in PATHS} == PATHS


def test_what_the_command_line_does_not_say_the_environment_does(mta: Mta) -> None:
    """Postfix's local(8) and Exim set these; where nobody says the reverse path, a Return-Path of the mail tells nothing."""
    one, two = f"one@{DOMAIN}", f"two@{DOMAIN}"
    mta.deliver_with({"ORIGINAL_RECIPIENT": one, "RECIPIENT": two, "SENDER": "MAILER-DAEMON"}, make_mail("1"))
    mta.deliver_with({"RECIPIENT": two, "SENDER": "eve@example.net"}, make_mail("2"), f"--recipient={one}", "-f", SENDER)
    mta.deliver_with({"RECIPIENT": two}, make_mail("3", header="Return-Path: <bob@example.net>"))
    found = [(receipt.recipient, receipt.reverse_path) for receipt in mta.installation.receipts()]
    assert found == [(one, ""), (one, SENDER), (two, None)]
    nobody = mta.deliver_with({"RECIPIENT": ""}, make_mail("4"))
    assert (nobody.status, nobody.out[:5]) == (75, "4.3.5") and "give -r ADDRESS" in nobody.err


def test_several_recipients_have_one_status(mta: Mta) -> None:
    """It is 0 when the mail was handled for any; who is told nothing there waits for the next run, in our hands."""
    both = ("-r", f"one@{DOMAIN}", "-r", f"two@{DOMAIN}", "-f", SENDER)
    assert mta.deliver(make_mail("1 deferone"), *both) == Told(0, "")
    one, two = mta.installation.receipts()
    assert (one.disposition, one.deleted_at is not None, two.disposition) == (None, True, "handled")


# What is too big -------------------------------------------------------------------------------------------------------------


@contextmanager
def pipe(process_of: Callable[[int], object]) -> Iterator[int]:
    """The end of a pipe to write to, whose other end ``process_of`` was given."""
    theirs, ours = os.pipe()
    process_of(theirs)
    os.close(theirs)
    try:
        yield ours
    finally:
        os.close(ours)


@pytest.mark.parametrize(("octets", "kept"), [(300_000, 1), (3_000_000, 0)])
def test_a_mail_that_is_too_big_is_read_to_its_end_and_rejected(make: Make, octets: int, kept: int) -> None:
    """It is archived up to `limits.max_archived`; the MTA can write all of it, and hears why."""
    mta = make('max_size = "100 KiB"\n', limits={"max_archived": "1 MiB"})
    raw = make_mail("1", text="x" * octets)
    with pipe(lambda stdin: mta.start(stdin, "-r", RECIPIENT, "-f", SENDER)) as mail:
        for start in range(0, len(raw), 1 << 16):
            os.write(mail, raw[start : start + (1 << 16)])
    size = f"{len(raw) / 1e6:.1f}"
    assert told(mta.started[0]) == Told(65, f"5.3.4 The mail is {size} MB long; at most 0.1 MB are accepted.\n")
    assert mta.installation.archived() == [raw] * kept
    assert mta.installation.dispositions() == ["rejected"] * kept


# What is wrong with us -------------------------------------------------------------------------------------------------------


def replace_config(old: str, new: str) -> Callable[[Installation], None]:
    """Spoil the configuration."""
    return lambda installation: installation.edit(old, new)


def remove(name: str) -> Callable[[Installation], None]:
    """Take a folder away."""
    return lambda installation: shutil.rmtree(installation.folder / name)


SPOILT: dict[str, tuple[Callable[[Installation], None], str]] = {
    "no configuration": (lambda site: site.config.unlink(), "there is no such file"),
    "no TOML": (replace_config("[log]", "[log"), "is not TOML"),
    "a misspelt key": (replace_config("[limits]", "[limitz]"), "limitz"),
    "no handler": (replace_config("tests.crash.deeds:Deeds", "no.such:Handler"), "no.such"),
    "no state folder": (remove("state"), "type: mailproc init"),
    "no archive": (remove("archive"), "archive"),
    "no schema": (lambda site: site.edit("mailproc.db", "other.db"), "mailproc db upgrade"),
    "the database away": (lambda site: site.edit(f'"{site.database_url}"', '"postgresql://x@127.0.0.1:1/x"'), "127.0.0.1"),
    "somebody else's": (lambda site: shutil.chown(site.folder / "state", "nobody"), "belongs to nobody"),
    "a log that cannot be written": (replace_config('"log"', '"/none/log"'), "/none/log"),
    "the stop file": (lambda site: (site.folder / "state" / "stop").touch(), "stop file"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_an_mta_never_bounces_because_something_is_wrong_here(mta: Mta, case: str) -> None:
    """It is told to come again in words that tell nothing, and the operator is told what to mend."""
    spoil, words = SPOILT[case]
    spoil(mta.installation)
    told = mta.deliver(make_mail("1"))
    assert told.status == 75
    assert re.fullmatch(r"4\.3\.[05] [A-Z][a-z ]+; try again later\n", told.out)
    assert told.err.startswith("mailproc: ") and words in told.err and len(told.err.splitlines()) == 1


@pytest.mark.parametrize("failpoint", ["archive-temp:enospc", "receive:eio", "receive-before-250:raise"])
def test_nor_because_of_a_full_disk_or_a_bug(mta: Mta, failpoint: str) -> None:
    """Where it is our bug, the MTA is told the id of its OOPS."""
    told = mta.deliver(make_mail("1"), failpoint=failpoint)
    assert (told.status, told.out[:6]) == (75, "4.3.0 ")
    assert mta.deliver(make_mail("1")) == Told(0, "")
    assert mta.installation.effects() == ["1"]


@pytest.mark.parametrize("arguments", [("--recipent", RECIPIENT), ("-r", RECIPIENT, "more@example.org")])
def test_nor_because_it_is_called_in_a_wrong_way(mta: Mta, arguments: tuple[str, ...]) -> None:
    """A slip in master.cf is no reason to bounce."""
    told = mta.deliver(make_mail("1"), *arguments)
    assert (told.status, told.out[:6]) == (75, "4.3.5 ") and "mailproc deliver --help" in told.err


def test_nor_when_there_is_no_mail(mta: Mta) -> None:
    """Who was to write it has died before."""
    assert mta.deliver(b"").status == 75
    assert mta.installation.receipts() == []


def test_who_has_stopped_listening_changes_nothing(mta: Mta) -> None:
    """A status is all that an MTA needs."""
    process = mta.begin(make_mail("1 reject"))
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 65


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_mail_has_come(mta: Mta, number: int) -> None:
    """Is no death by that signal, on which Exim bounces."""
    with pipe(lambda stdin: mta.start(stdin, "-r", RECIPIENT)) as mail:
        os.write(mail, b"Subject: 1\n")
        wait_for(lambda: is_empty(mail))  # it reads, so that it has begun to listen
        mta.started[0].send_signal(number)
        assert told(mta.started[0]).status == 75
    assert mta.installation.receipts() == []


def test_a_signal_while_it_is_worked(mta: Mta) -> None:
    """The message in hand is finished, and the status is true."""
    process = mta.begin(make_mail("1 wait"))
    wait_for(mta.installation.calls)
    process.terminate()
    (mta.installation.folder / "go").touch()
    assert told(process) == Told(0, "")
    assert mta.installation.effects() == ["1"]


DYING_MTA = """
import fcntl, os, signal, struct, subprocess, sys, termios, time
pipe = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE).stdin
pipe.write(b"Subject: 1\\n\\nThe first half of ".ljust(int(sys.argv[1])))
pipe.flush()
while struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)))[0]:
    time.sleep(0.005)
os.kill(os.getpid(), signal.SIGKILL)
"""


# As systemd for a user's services: whose parent has died is its child, and not that of process 1.
REAPER = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)
status = subprocess.call(sys.argv[1:])
os.wait()
sys.exit(-status)
"""

# Who has read half of the mail begins in earnest when the MTA has gone.
LATE = """
import os, sys, time
import mailproc.cli
before, half = os.getppid(), os.read(0, 30)
mail, rest = os.pipe()
os.write(rest, half)
os.close(rest)
os.dup2(mail, 0)
while os.getppid() == before:
    time.sleep(0.005)
mailproc.cli.main()
"""


@pytest.mark.parametrize(
    ("program", "octets"),
    [(["-m", "mailproc"], 30), (["-m", "mailproc"], 300_000), (["-c", LATE], 30)],
    ids=["half", "large", "late"],
)
def test_a_mail_that_its_writer_did_not_finish_is_no_mail(make: Make, program: list[str], octets: int) -> None:
    """The end of the pipe may be the end of the MTA: what it has written is not taken for the whole.

    Not either where it is too big already, nor where the MTA has died before we have looked at the configuration.
    """
    mta = make('max_size = "100 KiB"\n')
    arguments = [*program, "--config", str(mta.installation.config), "deliver", "-r", RECIPIENT]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    dying = [sys.executable, "-c", REAPER, sys.executable, "-c", DYING_MTA, str(octets), sys.executable, *arguments]
    ended = subprocess.run(dying, env=environ, capture_output=True, timeout=60, check=False)
    assert ended.returncode == signal.SIGKILL
    assert b"the mail may be cut off" in ended.stderr
    assert (mta.installation.receipts(), mta.installation.archived()) == ([], [])


def test_whose_writer_is_process_1_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It died before it could be asked for; but a mail that is in a file is whole."""
    reader, writer = os.pipe()
    monkeypatch.setattr(source, "INPUT", reader)
    assert [source.Writer(os.getppid()).died(), source.Writer(1).died()] == [False, True]
    with on_disk(b"Subject: 1\n") as file:
        monkeypatch.setattr(source, "INPUT", file)
        assert not source.Writer(1).died()
    os.close(reader)
    os.close(writer)
