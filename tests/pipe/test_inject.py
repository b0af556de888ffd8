"""`mailproc inject`: mail in files, Maildirs and mbox archives, by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailproc.letters import letters
from tests.cli_run.calling import call_on_terminal
from tests.installation import DOMAIN, RECIPIENT, Installation, MaildirBox, make_mail
from tests.nursery.process import Process
from tests.pipe.mta import KILLED, Make, Told, is_empty, on_disk, told
from tests.processes import wait_for

LINE = b"From bob@example.net Sat Nov 21 10:00:00 2026\n"


def mbox(*mails: bytes) -> bytes:
    """An mbox file of these."""
    return b"".join(LINE + mail.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ") + b"\n" for mail in mails)


def inject(site: Installation, *arguments: str, failpoint: str | None = None) -> Told:
    """Run it to its end."""
    return told(site.start(*arguments, command="inject", failpoint=failpoint))


def write(site: Installation, name: str, raw: bytes) -> Path:
    """A file in the folder of the installation, of an hour whose minutes nobody needs."""
    path = site.folder / name
    path.write_bytes(raw)
    os.utime(path, (1_790_000_000, 1_790_000_000))
    return path


@pytest.fixture
def site(installation: Installation) -> Installation:
    """An installation without a maildrop."""
    return installation


def test_a_file_is_a_mail(site: Installation) -> None:
    """It is worked at once, its time is its arrival, and it stays as it is."""
    path = write(site, "mail.eml", make_mail("1"))
    assert inject(site, "mail.eml") == Told(0, "")
    (receipt,) = site.receipts()
    assert (receipt.entrance, receipt.recipient, receipt.disposition) == ("file", RECIPIENT, "handled")
    assert (receipt.reverse_path, receipt.arrival) == (None, datetime.fromtimestamp(1_790_000_000, UTC))
    assert (site.effects(), site.archived(), path.read_bytes()) == (["1"], [make_mail("1")], make_mail("1"))
    assert site.mailproc("handle").returncode == 0  # and that finds nothing left to do
    assert not site.state.pending


def test_an_archive_is_many_mails(site: Installation) -> None:
    """Each for whom it names, from whom the line above says; the quoting of the archive is none of the mail's."""
    mails = [
        make_mail("1"),
        make_mail("2 raise"),
        make_mail("3 defer", text="From here on"),
        make_mail("4", to=f"two@{DOMAIN}"),
    ]
    write(site, "box", mbox(*mails))
    assert inject(site, "box").status == 0
    found = [(receipt.recipient, receipt.reverse_path, receipt.disposition) for receipt in site.receipts()]
    assert found == [
        (RECIPIENT, "bob@example.net", "handled"),
        (RECIPIENT, "bob@example.net", "failed"),
        (RECIPIENT, "bob@example.net", None),
        (f"two@{DOMAIN}", "bob@example.net", "handled"),
    ]
    assert sorted(site.archived()) == sorted(LINE + mail.replace(b"\r\n", b"\n") for mail in mails)
    assert site.balance().balanced


def test_the_envelope_of_the_command_line_goes_before_what_a_mail_says(site: Installation) -> None:
    """For every message; a mail that begins like an archive can be said to be none."""
    write(site, "one", mbox(make_mail("1"), make_mail("2")))
    assert inject(site, "one", "-r", f"two@{DOMAIN}", "-r", f"three@{DOMAIN}", "-f", "", "--no-mbox").status == 0
    assert [(receipt.recipient, receipt.reverse_path) for receipt in site.receipts()] == [
        (f"three@{DOMAIN}", ""),
        (f"two@{DOMAIN}", ""),
    ]
    assert site.archived() == [(site.folder / "one").read_bytes()]


def test_a_maildir_is_its_messages(site: Installation) -> None:
    """Read and unread ones, which stay there; standard input is a file, too."""
    box = MaildirBox(site.folder / "Maildir")
    box.append([make_mail("1"), make_mail("2")])
    first = sorted((box.path / "new").iterdir())[0]
    first.rename(box.path / "cur" / f"{first.name}:2,S")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "") or str(Path(__file__).parents[2])}
    with on_disk(mbox(make_mail("3"), make_mail("4"))) as stdin:
        arguments = ["--config", str(site.config), "inject", "Maildir", "-"]
        assert told(Process(arguments, site.folder, environ, stdin=stdin)) == Told(0, "")
    assert site.effects() == ["1", "2", "3", "4"]
    assert len(box.left()) == 2


def test_what_is_known_is_not_worked_again(site: Installation) -> None:
    """Not in the same archive, not in the next one; and a person is told how much that was."""
    write(site, "a", mbox(make_mail("1"), make_mail("2"), make_mail("1")))
    write(site, "b", mbox(make_mail("2"), make_mail("3")))
    status, screen = call_on_terminal(site.folder, "--config", site.config, "inject", "a")
    assert (status, screen.splitlines()) == (0, ["3 messages, 1 known already", "2 handled"])
    status, screen = call_on_terminal(site.folder, "--config", site.config, "inject", "a", "b")
    assert (status, screen.splitlines()) == (0, ["5 messages, 4 known already", "1 handled"])
    write(site, "c", mbox(make_mail("3")))
    assert call_on_terminal(site.folder, "--config", site.config, "inject", "c") == (0, "1 message, 1 known already\r\n")
    assert site.effects() == ["1", "2", "3"] and len(site.calls()) == 3


def test_it_can_only_be_taken_in(site: Installation) -> None:
    """Then it is durable, and the next run works it."""
    write(site, "a", mbox(make_mail("1"), make_mail("2")))
    assert inject(site, "a", "--spool-only") == Told(0, "")
    assert (site.dispositions(), site.calls(), len(site.archived())) == ([None, None], [], 2)
    assert site.state.pending
    assert site.run().returncode == 0
    assert site.effects() == ["1", "2"]


UNREADABLE = {
    "none": "No such file or directory",
    "empty": "it is empty",
    "folder": "it is a folder and no Maildir; name the files in it",
    "fifo": "it is no file and no Maildir; name one, or write it to - (standard input)",
    "hidden\u202e": "No such file or directory",
}


def test_what_cannot_be_read_does_not_stop_the_others(site: Installation) -> None:
    """It is a line on stderr each, and another status."""
    (site.folder / "folder").mkdir()
    os.mkfifo(site.folder / "fifo")
    write(site, "empty", b"")
    write(site, "1.eml", make_mail("1"))
    ended = inject(site, *UNREADABLE, "1.eml")
    assert ended.status == 66
    assert ended.err.splitlines() == [f"mailproc: {name.strip(chr(0x202E))}: {what}" for name, what in UNREADABLE.items()]
    assert site.effects() == ["1"]
    assert inject(site, "").err == "mailproc: '': this is no name; name a file\n"
    assert inject(site, "--mbox", "1.eml").err == 'mailproc: 1.eml: it does not begin with "From ", and is no mbox\n'


def test_what_the_kernel_makes_up_is_no_mail(site: Installation) -> None:
    """Such a file has no size, and may have no end."""
    write(site, "1.eml", make_mail("1"))
    ended = inject(site, "1.eml", "/proc/kmsg", "/proc/self/status")
    assert (ended.status, site.effects()) == (66, ["1"])
    kmsg, status = ended.err.splitlines()
    assert kmsg.startswith("mailproc: /proc/kmsg: ") and status == "mailproc: /proc/self/status: it is empty"


def test_a_mail_that_is_being_written_is_not_taken_in(tmp_path: Path) -> None:
    """Neither one that grows while it is read, nor an archive to which an MTA is appending."""
    path = tmp_path / "mail"
    for begun, more in ((make_mail("1"), b"more"), (mbox(make_mail("1"))[:-1], b"more"), (mbox(make_mail("1")), b"From ")):
        path.write_bytes(begun)
        found = letters(str(path), None, tmp_path)
        letter = next(found)
        first = next(letter.pieces)
        with path.open("ab") as file:
            file.write(more)
        with nullcontext() if more == b"From " else pytest.raises(OSError, match="another program is writing it; try again"):
            assert begun.startswith(b"".join([first, *letter.pieces])) and not list(found)
    appending = f"import fcntl\nf = open({str(path)!r}, 'ab')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", appending], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as mta:
        assert mta.stdout is not None
        mta.stdout.readline()
        with pytest.raises(ValueError, match="another program is writing it; try again"):
            list(letters(str(path), None, tmp_path))


def test_any_file_time_is_an_arrival(tmp_path: Path) -> None:
    """A time that is no date, which a tmpfs keeps, hides neither its mail nor those behind it."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        box = MaildirBox(Path(folder) / "Maildir")
        box.append([make_mail("1"), make_mail("2")])
        (Path(folder) / "mail").write_bytes(make_mail("3"))
        os.utime(Path(folder) / "mail", (10**13, 10**13))
        os.utime(next((box.path / "new").iterdir()), (10**13, 10**13))
        found = [letter for name in ("Maildir", "mail") for letter in letters(f"{folder}/{name}", None, tmp_path)]
        assert [letter.arrival.utcoffset() for letter in found] == [timedelta(0)] * 3


def test_standard_input_may_be_slow(site: Installation) -> None:
    """Also where who has started us does not want to wait for it: the first half is not the mail."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    process = Process(["--config", str(site.config), "inject", "-"], site.folder, environ, stdin=reader)
    os.close(reader)
    raw = make_mail("1")
    os.write(writer, raw[:-10])
    wait_for(lambda: is_empty(writer))
    os.write(writer, raw[-10:])
    os.close(writer)
    assert told(process) == Told(0, "")
    assert site.archived() == [raw]


def test_large_mail_in_an_archive(make: Make) -> None:
    """It is streamed and rejected, and what is too large to be kept is passed over; its neighbours are handled."""
    site = make('max_size = "100 KiB"\n', limits={"max_archived": "1 MiB"}).installation
    sizes = {"1": 10, "2": 300_000, "3": 3_000_000, "4": 10}
    write(site, "a", mbox(*(make_mail(name, text="x" * octets) for name, octets in sizes.items())))
    ended = inject(site, "a")
    assert ended == Told(66, "", "mailproc: a, message 3: The mail is 3.0 MB long; at most 0.1 MB are accepted.\n")
    assert site.dispositions() == ["handled", "rejected", "handled"]
    assert list((site.folder / "archive" / "tmp").iterdir()) == []


@pytest.mark.parametrize("step", ["receive", "receive-after-spool", "handler-half"])
def test_killed_it_is_called_again(site: Installation, step: str) -> None:
    """Nothing is lost then, and nothing is done twice."""
    write(site, "a", mbox(make_mail("1"), make_mail("2")))
    assert inject(site, "a", failpoint=f"{step}:killall").status == KILLED
    assert inject(site, "a").status == 0
    assert site.effects() == ["1", "2"]
    assert site.balance().balanced and site.dispositions() == ["handled", "handled"]


def test_nothing_is_taken_in_where_something_is_wrong(site: Installation) -> None:
    """With the status of every other command."""
    write(site, "a", make_mail("1"))
    (site.folder / "archive").rename(site.folder / "elsewhere")
    assert inject(site, "a").status == 75
    (site.folder / "state").rename(site.folder / "gone")
    assert inject(site, "a").status == 78
    assert inject(site).status == 64
    misused = [inject(site, option, "ann\n@example.org", "a") for option in ("-r", "-f")]
    assert [(end.status, end.err.splitlines()[-1]) for end in misused] == [(64, "Error: 'ann @example.org' is no address")] * 2
    assert site.receipts() == []
