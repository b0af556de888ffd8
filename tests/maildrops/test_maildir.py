"""A Maildir beside the contract: hostile files, other programs, crashes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mailproc.errors import Away, SettingsError
from mailproc.maildrops.maildir import MaildirDrop

RAW = b"Subject: one\n\nHello.\n"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for part in ("tmp", "new", "cur"):
        (tmp_path / part).mkdir()
    return tmp_path


def put(path: Path, raw: bytes = RAW, seconds: int = 1_700_000_000) -> None:
    """A message as a file of a given time."""
    path.write_bytes(raw)
    os.utime(path, (seconds, seconds))


def names(folder: Path) -> list[str]:
    """The names of a folder's files."""
    return sorted(path.name for path in folder.iterdir())


def raws(drop: MaildirDrop) -> list[bytes]:
    """All that waits, fetched."""
    return [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))]


def test_what_is_no_regular_file_is_no_mail(maildir: Path) -> None:
    """Links, pipes, folders and hidden files that somebody planted are not mail, and are not followed or removed."""
    secret = maildir / "secret"
    secret.write_bytes(b"root:x:0:0")
    (maildir / "new" / "link").symlink_to(secret)
    (maildir / "cur" / "gone:2,").symlink_to(maildir / "nowhere")
    os.mkfifo(maildir / "new" / "pipe")
    (maildir / "new" / "folder").mkdir()
    put(maildir / "new" / ".hidden")
    drop = MaildirDrop("main", maildir)
    assert (list(drop.uids()), list(drop.marked()), list(drop.waiting(["link", "pipe", "folder"]))) == ([], [], [])
    drop.mark(["link", "pipe"])
    drop.expunge(["link", "pipe", "folder"])
    assert names(maildir / "new") == [".hidden", "folder", "link", "pipe"]


def test_a_link_that_takes_a_messages_place_is_not_followed(maildir: Path) -> None:
    """Between the look and the fetch a file may become a link or a pipe; then the message has gone."""
    for name in ("a", "b"):
        put(maildir / "new" / name)
    drop = MaildirDrop("main", maildir)
    waiting = drop.waiting(drop.uids())
    for name in ("a", "b"):
        (maildir / "new" / name).unlink()
    (maildir / "new" / "a").symlink_to("/etc/passwd")
    os.mkfifo(maildir / "new" / "b")
    assert list(drop.fetch(waiting)) == []
    assert not drop.stream(waiting[0], BytesIO())


def test_a_folder_that_is_a_link_is_away(tmp_path: Path, maildir: Path) -> None:
    """A Maildir whose parts are links is not used, whatever they point to."""
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "new").symlink_to(maildir / "new")
    (fake / "cur").mkdir()
    with pytest.raises(Away):
        MaildirDrop("main", fake)


def test_the_oldest_comes_first(maildir: Path) -> None:
    """Messages are in the order of their times, then of their names, wherever they lie."""
    put(maildir / "new" / "c", seconds=1)
    put(maildir / "cur" / "b:2,S", seconds=2)
    put(maildir / "new" / "a", seconds=2)
    put(maildir / "new" / "d", seconds=0)
    assert list(MaildirDrop("main", maildir).uids()) == ["d", "c", "a", "b"]


def test_a_uid_outlives_a_change_of_flags(maildir: Path) -> None:
    """Another program that moves a message to cur and marks it as seen does not hide it from us."""
    put(maildir / "new" / "a")
    drop = MaildirDrop("main", maildir)
    waiting = drop.waiting(drop.uids())
    (maildir / "new" / "a").rename(maildir / "cur" / "a:2,S")
    assert [fetched.raw for fetched in drop.fetch(waiting)] == [RAW]
    (maildir / "cur" / "a:2,S").rename(maildir / "cur" / "a:2,RS")
    drop.mark(["a"])
    assert names(maildir / "cur") == ["a:2,RST"]
    (maildir / "cur" / "a:2,RST").rename(maildir / "cur" / "a:2,FRST")
    assert list(drop.expunge(["a"])) == ["a"]


def test_reading_changes_no_file(maildir: Path) -> None:
    """Looking and fetching leave names, places and times as they are."""
    put(maildir / "new" / "a")
    put(maildir / "cur" / "b:2,F")
    drop = MaildirDrop("main", maildir)
    assert raws(drop) == [RAW, RAW]
    drop.close()
    assert (names(maildir / "new"), names(maildir / "cur")) == (["a"], ["b:2,F"])
    assert (maildir / "new" / "a").stat().st_mtime == 1_700_000_000


@pytest.mark.parametrize("name", [b"\xff\xfe\n\x1b[31m", "ünï".encode(), b"x" * 255, b"\xff" * 255, b"a\\..\\x;$(id)"])
def test_odd_names_are_data(maildir: Path, name: bytes) -> None:
    """A name of any bytes and length is a uid that can be stored as text, and its message can be removed."""
    put(maildir / "new" / os.fsdecode(name))
    drop = MaildirDrop("main", maildir)
    (uid,) = drop.uids()
    assert len(uid.encode("utf-8")) <= 1024
    assert raws(drop) == [RAW]
    drop.mark([uid])
    assert list(drop.expunge([uid])) == [uid]
    assert names(maildir / "new") + names(maildir / "cur") == []


@pytest.mark.parametrize("seconds", [0, -1, 2**40, 2**60])
def test_any_file_time_is_an_arrival(maildir: Path, seconds: int) -> None:
    """Also a time before 1970 or after the year 9999 gives an aware arrival."""
    path = maildir / "new" / "a"
    put(path)
    try:
        os.utime(path, (seconds, seconds))
    except OSError as error:
        assert error.errno in (errno.EINVAL, errno.EOVERFLOW)
    (waiting,) = MaildirDrop("main", maildir).waiting(["a"])
    assert waiting.arrival.utcoffset() is not None


def test_a_file_that_shrinks_is_no_mail(maildir: Path) -> None:
    """A message that has fewer bytes than it had is not handed on in part; one that grows, only as far as it was."""
    put(maildir / "new" / "a")
    drop = MaildirDrop("main", maildir)
    waiting = drop.waiting(drop.uids())
    (maildir / "new" / "a").write_bytes(RAW + b"more")
    assert [fetched.raw for fetched in drop.fetch(waiting)] == [RAW]
    (maildir / "new" / "a").write_bytes(RAW[:5])
    assert list(drop.fetch(waiting)) == []


def test_a_full_disk_under_the_archive_is_not_an_away_maildrop(maildir: Path) -> None:
    """What goes wrong in writing a stream elsewhere is the writer's error."""
    put(maildir / "new" / "a")
    drop = MaildirDrop("main", maildir)
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        drop.stream(drop.waiting(drop.uids())[0], full)


@pytest.mark.parametrize("path", ["missing", "new"])
def test_a_missing_maildir_is_away(maildir: Path, path: str) -> None:
    """A path that is missing, or is no Maildir, is away, and the error names it."""
    with pytest.raises(Away, match=f"^maildrop main: {maildir / path}: No such file or directory$"):
        MaildirDrop("main", maildir / path)


@pytest.mark.parametrize("folder", ["", ".", "..", ".hidden", "../other", "a/b", "/etc", "a\nb", "a\0b"])
def test_a_folder_cannot_leave_the_maildir(maildir: Path, folder: str) -> None:
    """Names that would lead elsewhere are refused, and the mail stays."""
    put(maildir / "new" / "a")
    drop = MaildirDrop("main", maildir)
    with pytest.raises(SettingsError, match="name of a folder"):
        drop.move(["a"], folder)
    assert raws(drop) == [RAW]


def test_a_planted_target_folder_is_not_followed(maildir: Path, tmp_path: Path) -> None:
    """A link in the place of the target folder is not followed; the mail stays."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (maildir / ".Failed").symlink_to(elsewhere)
    put(maildir / "new" / "a")
    drop = MaildirDrop("main", maildir)
    with pytest.raises(Away):
        drop.move(["a"], "Failed")
    assert (names(elsewhere), raws(drop)) == ([], [RAW])


def test_a_move_overwrites_nothing(maildir: Path) -> None:
    """Another message of the same name in the target stays; ours gets a new name beside it."""
    put(maildir / "new" / "a", b"first")
    MaildirDrop("main", maildir).move(["a"], "Failed")
    put(maildir / "new" / "a", b"second")
    assert list(MaildirDrop("main", maildir).move(["a"], "Failed")) == ["a"]
    assert sorted(path.read_bytes() for path in (maildir / ".Failed" / "cur").iterdir()) == [b"first", b"second"]
    assert (maildir / ".Failed" / "maildirfolder").exists()


def test_a_move_that_is_killed_loses_nothing(maildir: Path) -> None:
    """Killed between the new name and the removal of the old one, the mail is in both places, and later in one."""
    put(maildir / "new" / "a")
    program = f"from mailproc.maildrops.maildir import MaildirDrop; MaildirDrop('main', {str(maildir)!r}).move(['a'], 'Failed')"
    environment = {**os.environ, "MAILPROC_FAILPOINT": "move:kill"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    assert names(maildir / "new") == names(maildir / ".Failed" / "cur") == ["a"]
    assert list(MaildirDrop("main", maildir).move(["a"], "Failed")) == ["a"]
    assert (names(maildir / "new"), names(maildir / ".Failed" / "cur")) == ([], ["a"])


def test_looking_for_what_has_gone_is_one_look(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred messages that another program removed do not cost a hundred readings of the folder."""
    for number in range(101):
        put(maildir / "new" / str(number))
    drop = MaildirDrop("main", maildir)
    uids = drop.uids()
    for number in range(100):
        (maildir / "new" / str(number)).unlink()
    read: list[str] = []
    scandir = os.scandir

    def reading(folder: int) -> Any:
        read.append(Path(f"/proc/self/fd/{folder}").readlink().name)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", reading)
    assert [waiting.uid for waiting in drop.waiting(uids)] == ["100"]
    assert sorted(read) == ["cur", "new"]
