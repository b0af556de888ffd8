"""`maildir` delivers durably and once, and the envelope stands on top."""

from __future__ import annotations

import mailbox
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc import failpoints
from mailproc.ends.maildir import Maildir
from mailproc.maildrops.maildir import MaildirDrop
from mailproc.testing import PostOffice, make_mail
from tests.ends.conftest import HandIn

RAW = b"From: Eve <eve@example.net>\r\nTo: all@example.org\r\nSubject: hi\r\n\r\nhello\r\n.\r\n\xff\r\n"


@pytest.fixture
def folder(tmp_path: Path, office: PostOffice) -> Path:
    """A Maildir that is not there yet and that all mail for example.org goes to."""
    folder = tmp_path / "Maildir"
    office.bind("example.org", "maildir", {"folder": str(folder)}, drop=[])
    return folder


def files(folder: Path) -> list[Path]:
    """All files of a Maildir, wherever they lie."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_mail_is_delivered_with_its_envelope_on_top(folder: Path, hand_in: HandIn) -> None:
    """The octets below are those of the mail, but that lines end as those of a file do."""
    assert hand_in(RAW).code == 250
    (file,) = files(folder)
    assert file.parent == folder / "new"
    assert file.read_bytes() == (
        b"Return-Path: <eve@example.net>\nDelivered-To: ann@example.org\n" + RAW.replace(b"\r\n", b"\n")
    )
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_readers_of_a_maildir_find_it(folder: Path, hand_in: HandIn) -> None:
    """Python's reader and our own see one new mail, and the null path as such."""
    hand_in(RAW, path="")
    (message,) = mailbox.Maildir(folder, create=False)
    assert (message["Return-Path"], message["Subject"], message.get_subdir()) == ("<>", "hi", "new")
    assert len(MaildirDrop("main", folder).uids()) == 1


def test_a_sender_cannot_write_the_envelope(folder: Path, hand_in: HandIn) -> None:
    """Fields of the same names in the mail stand below ours, and the topmost is the one that counts."""
    hand_in(b"Return-Path: <boss@example.org>\r\nDelivered-To: root@example.org\r\n" + RAW, path="eve@example.net")
    (file,) = files(folder)
    assert file.read_bytes().splitlines()[:4] == [
        b"Return-Path: <eve@example.net>",
        b"Delivered-To: ann@example.org",
        b"Return-Path: <boss@example.org>",
        b"Delivered-To: root@example.org",
    ]


def test_an_envelope_cannot_write_a_field(folder: Path, hand_in: HandIn) -> None:
    """Line ends and controls in an address, by whatever door it came, begin no line."""
    hand_in(RAW, path="a\r\nX-Evil: 1\x1b@example.net", to="ann\nX-Evil: 2@example.org")
    (message,) = mailbox.Maildir(folder, create=False)
    assert message["X-Evil"] is None


def test_mail_of_an_unknown_path_keeps_what_it_says(folder: Path, office: PostOffice) -> None:
    """A maildrop has lost the envelope, and the Return-Path that it wrote down is in the mail."""
    assert office.deliver(make_mail(to="ann@example.org")).disposition == "handled"
    (message,) = mailbox.Maildir(folder, create=False)
    assert (message["Return-Path"], message["Delivered-To"]) == (None, "ann@example.org")


@pytest.mark.parametrize("line", [b"From eve@example.net Sat Nov 21 14:00:00 2026", b"From ", b"From " + b"x" * 600])
def test_an_mbox_line_is_left_out(folder: Path, hand_in: HandIn, line: bytes) -> None:
    """In the middle of a header it would end it, whether or not it names a sender."""
    hand_in(line + b"\r\n" + RAW)
    (file,) = files(folder)
    assert file.read_bytes().splitlines()[2] == b"From: Eve <eve@example.net>"


@pytest.mark.parametrize("read", ["new", "cur", "flagged", "renamed"])
def test_a_second_start_does_not_double_it(folder: Path, hand_in: HandIn, monkeypatch: pytest.MonkeyPatch, read: str) -> None:
    """A start that broke off between the delivery and our commit is known by the file, also where a reader has moved it."""
    monkeypatch.setattr(failpoints, "_armed", failpoints._Armed("handler-half:raise"))
    assert hand_in(RAW).code == 451
    (file,) = files(folder)
    if read != "new":
        file.rename(folder / "cur" / (file.name + {"cur": "", "flagged": ":2,S", "renamed": ",S=99:2,RS"}[read]))
    assert hand_in(RAW).code == 250
    assert len(files(folder)) == 1


def test_two_recipients_are_two_mails(folder: Path, hand_in: HandIn) -> None:
    """The name of the file is of the mail for this recipient."""
    for recipient in ("ann@example.org", "bob@example.org"):
        hand_in(RAW, to=recipient)
    assert sorted(message["Delivered-To"] for message in mailbox.Maildir(folder)) == ["ann@example.org", "bob@example.org"]


def test_a_folder_that_is_no_maildir_is_waited_for(folder: Path, hand_in: HandIn) -> None:
    """A disk that is not mounted is an empty folder; the client is told neither a path nor a 250."""
    folder.mkdir()
    assert hand_in(RAW).line() == "451 4.3.0 Waiting for the Maildir: No such file or directory; try again later"
    assert list(folder.iterdir()) == []
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir()
    assert hand_in(RAW).code == 250


def test_a_folder_without_a_parent_is_not_made(office: PostOffice, hand_in: HandIn, tmp_path: Path) -> None:
    """A misspelt path makes no folders."""
    office.bind("example.org", Maildir(tmp_path / "mnt" / "Maildir"))
    assert hand_in(RAW).code == 451
    assert not (tmp_path / "mnt").exists()


def test_a_planted_link_is_not_followed(folder: Path, hand_in: HandIn, tmp_path: Path) -> None:
    """Whoever owns the Maildir cannot have us write elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    for path in (elsewhere, folder, folder / "tmp", folder / "cur"):
        path.mkdir()
    (folder / "new").symlink_to(elsewhere)
    assert hand_in(RAW).code == 451
    assert list(elsewhere.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(folder: Path, hand_in: HandIn) -> None:
    """What cannot be written whole is not there at all, and the mail is the client's."""
    hand_in(RAW)
    code = f"""
import resource
from mailproc.ends import maildir
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    maildir._keep(__import__("pathlib").Path({str(folder)!r}), "other", b"x" * 4096)
except OSError as error:
    print(error.strerror)
"""
    ended = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert ended.stdout == "File too large\n"
    assert len(files(folder)) == 1
