"""The archive: what it answered is on the disk, whatever dies when, and what it gives back is what it was given."""

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailproc.archive import FolderArchive, create
from mailproc.errors import Away, MailprocError, SettingsError

MAIL = b"From: anna@example.org\r\n\r\nhello\r\n"
DIGEST = hashlib.sha256(MAIL).hexdigest()
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """The folder of an archive that was created, with a name that needs care in a URL."""
    create(tmp_path / "the archive")
    return tmp_path / "the archive"


@pytest.fixture
def archive(folder):
    """An archive."""
    return FolderArchive(folder)


def files_in(folder):
    """All files of an archive, by their paths in it."""
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def name_of(mail):
    """Where a mail lies in an archive."""
    digest = hashlib.sha256(mail).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def test_a_mail_is_found_by_its_url_and_by_its_digest(archive, folder):
    """What was put is what comes back, byte for byte."""
    [url] = archive.put_many([MAIL])
    assert url == f"file://{folder.parent}/the%20archive/{name_of(MAIL)}"
    assert archive.get(url) == archive.get(DIGEST) == MAIL
    assert archive.beginning(url, 5) == b"From:"
    assert archive.exists(url) and archive.exists(DIGEST)
    assert not archive.exists("0" * 64)


def test_a_chunk_is_answered_in_order_with_copies(archive, folder):
    """Two copies of a mail in a chunk are one file and two equal answers; an empty mail is a mail."""
    urls = archive.put_many([MAIL, b"", MAIL, b"other"])
    assert [archive.get(url) for url in urls] == [MAIL, b"", MAIL, b"other"]
    assert files_in(folder) == sorted([name_of(MAIL), name_of(b""), name_of(b"other")])
    assert archive.put_many([]) == []


def test_everything_belongs_to_one_user(archive, folder):
    """Folders are 0700 and mails 0600, whatever the umask lets through."""
    old = os.umask(0)
    try:
        archive.put_many([MAIL])
    finally:
        os.umask(old)
    folders = [folder, *(each for each in folder.rglob("*") if each.is_dir())]
    assert {stat.S_IMODE(each.stat().st_mode) for each in folders} == {0o700}
    assert stat.S_IMODE((folder / name_of(MAIL)).stat().st_mode) == 0o600


class Recorder:
    """What is asked of the disk, in order; every call goes through."""

    def __init__(self, monkeypatch, folder):
        self.events = []
        self.folder = folder
        fsync, rename, opened = os.fsync, Path.rename, os.open

        def note_fsync(descriptor):
            self.events.append(("fsync", self.name(Path(f"/proc/self/fd/{descriptor}").readlink())))
            fsync(descriptor)

        def note_rename(source, target):
            self.events.append(("rename", self.name(source), self.name(target)))
            return rename(source, target)

        def note_open(path, flags, *mode):
            if flags & os.O_WRONLY:
                self.events.append(("write", self.name(path)))
            return opened(path, flags, *mode)

        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(os, "open", note_open)
        monkeypatch.setattr(Path, "rename", note_rename)

    def name(self, path):
        """A path in the archive; every temporary file is ``tmp``."""
        inside = str(Path(path).relative_to(self.folder))
        return "tmp" if inside.startswith("tmp/") else inside


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer(archive, folder, monkeypatch):
    """fsync of the file, then its name, then fsync of every folder from the top to it."""
    record = Recorder(monkeypatch, folder)
    archive.put_many([MAIL])
    leaf = f"{DIGEST[:2]}/{DIGEST[2:4]}"
    assert record.events[:3] == [("write", "tmp"), ("fsync", "tmp"), ("rename", "tmp", name_of(MAIL))]
    assert sorted(record.events[3:]) == [("fsync", "."), ("fsync", DIGEST[:2]), ("fsync", leaf)]


def test_a_large_mail_is_kept_in_the_same_order(archive, folder, monkeypatch):
    """A mail that was written in pieces is no less durable."""
    record = Recorder(monkeypatch, folder)
    with archive.writer() as kept:
        kept.write(MAIL[:7])
        kept.write(MAIL[7:])
        kept.keep()
    assert [event[0] for event in record.events] == ["write", "fsync", "rename", "fsync", "fsync", "fsync"]


def test_a_chunk_renames_nothing_before_all_its_bytes_are_on_the_disk(archive, folder, monkeypatch):
    """All files first, then all names, then each folder once."""
    record = Recorder(monkeypatch, folder)
    archive.put_many([b"%d" % number for number in range(20)])
    kinds = [event[0] for event in record.events]
    assert sorted(kinds[: kinds.index("rename")]) == ["fsync"] * 20 + ["write"] * 20
    after = [event for event in record.events[kinds.index("rename") :] if event[0] == "fsync"]
    assert len(after) == len(set(after))
    assert {("fsync", str(Path(name_of(b"%d" % number)).parent)) for number in range(20)} <= set(after)


def test_a_mail_that_is_there_costs_no_write_but_its_name_is_seen_to(archive, folder, monkeypatch):
    """A run that was killed after its rename left a name that may not be on the disk."""
    archive.put_many([MAIL])
    record = Recorder(monkeypatch, folder)
    FolderArchive(folder).put_many([MAIL])
    assert sorted(record.events) == [("fsync", "."), ("fsync", DIGEST[:2]), ("fsync", str(Path(name_of(MAIL)).parent))]


def test_a_folder_is_entered_once(archive, folder, monkeypatch):
    """The folders above are seen to once in a process, the mail's own folder every time."""
    archive.put_many([MAIL])
    record = Recorder(monkeypatch, folder)
    archive.put_many([MAIL])
    assert record.events == [("fsync", str(Path(name_of(MAIL)).parent))]


def in_another_process(folder, failpoint, how="put"):
    """Archive a mail in a process that dies at the failpoint."""
    put = "archive.put_many([b'first', b'second'])"
    stream = "with archive.writer() as kept: kept.write(b'first'); kept.keep()"
    script = "import sys\nfrom mailproc.archive import FolderArchive\narchive = FolderArchive(sys.argv[1])\n"
    command = [sys.executable, "-c", script + (put if how == "put" else stream), folder]
    environment = os.environ | {"MAILPROC_FAILPOINT": failpoint}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["put", "stream"])
@pytest.mark.parametrize("failpoint", ["archive-temp:kill", "archive-fsync:kill", "archive-rename:kill"])
def test_a_kill_leaves_no_half_mail(archive, folder, failpoint, how):
    """Whatever is visible after a SIGKILL is whole, what is not is swept, and the next run archives it all."""
    assert in_another_process(folder, failpoint, how).returncode == -signal.SIGKILL
    visible = [name for name in files_in(folder) if not name.startswith("tmp/")]
    renamed = [name_of(b"first"), name_of(b"second")][: 2 if how == "put" else 1] if "rename" in failpoint else []
    assert visible == sorted(renamed)
    for name in visible:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == Path(name).name
    assert len(archive.put_many([b"first", b"second"])) == 2
    archive.sweep(-1)
    assert files_in(folder) == sorted([name_of(b"first"), name_of(b"second")])


@pytest.mark.parametrize("how", ["put", "stream"])
@pytest.mark.parametrize("fault", ["enospc", "eio"])
@pytest.mark.parametrize("place", ["archive-temp", "archive-fsync", "archive-rename"])
def test_a_failing_disk_is_away_and_leaves_nothing_behind(folder, place, fault, how):
    """ENOSPC and EIO are told in one line, and the temporary files are gone."""
    done = in_another_process(folder, f"{place}:{fault}", how)
    text = {"enospc": "No space left on device", "eio": "Input/output error"}[fault]
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"mailproc.errors.Away: archive {folder}")
    assert said.endswith(f": {text}")
    assert [name for name in files_in(folder) if name.startswith("tmp/")] == []


def test_a_disk_that_takes_only_a_part_is_away(folder):
    """A write that the system cuts short is no mail."""

    def only_a_megabyte():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    script = "import sys\nfrom mailproc.archive import FolderArchive\n{}"
    put = "FolderArchive(sys.argv[1]).put_many([b'small', bytes(3_000_000)])"
    stream = "with FolderArchive(sys.argv[1]).writer() as kept:\n for _ in range(30): kept.write(bytes(100_000))\n kept.keep()"
    for how in (put, stream):
        command = [sys.executable, "-c", script.format(how), folder]
        done = subprocess.run(command, cwd=CHECKOUT, preexec_fn=only_a_megabyte, capture_output=True, text=True, check=False)
        assert done.stderr.splitlines()[-1].startswith("mailproc.errors.Away: archive")
        assert done.stderr.endswith("File too large\n")
        assert files_in(folder) == []


def test_a_large_mail_is_written_in_pieces(archive, folder):
    """Digest and size are known when it has been written, the URL when it is durable."""
    mail = b"0123456789" * 300_000
    with archive.writer() as kept:
        for at in range(0, len(mail), 70_000):
            kept.write(mail[at : at + 70_000])
        assert (kept.size, kept.url) == (len(mail), "")
        kept.keep()
    assert kept.sha256 == hashlib.sha256(mail).hexdigest()
    assert archive.get(kept.url) == mail
    assert files_in(folder) == [name_of(mail)]


def test_a_large_mail_that_is_not_kept_is_discarded(archive, folder):
    """A message that vanished on the way, and one whose connection broke, leave nothing."""
    with archive.writer() as kept:
        kept.write(MAIL)
    with pytest.raises(ConnectionResetError), archive.writer() as kept:
        kept.write(MAIL)
        raise ConnectionResetError("the maildrop's, which is not the archive's")
    assert files_in(folder) == []


def test_a_damaged_mail_is_not_given_out_and_is_written_anew(archive, folder):
    """What is read back is checked, and a damaged copy does not count as there."""
    [url] = archive.put_many([MAIL])
    (folder / name_of(MAIL)).write_bytes(MAIL[:-1] + b"!")
    with pytest.raises(MailprocError, match="is damaged") as caught:
        archive.get(url)
    assert not isinstance(caught.value, Away)  # it will not mend by waiting
    archive.put_many([MAIL])
    assert archive.get(url) == MAIL


def test_a_truncated_mail_is_written_anew(archive, folder):
    """A file of a disk that lost its end does not count as there."""
    [url] = archive.put_many([MAIL])
    os.truncate(folder / name_of(MAIL), 0)
    archive.put_many([MAIL])
    assert archive.get(url) == MAIL


def test_an_archive_that_moved_knows_its_mails_by_their_old_urls(archive, folder):
    """A URL in the ledger is read by its digest, never as a path."""
    [url] = archive.put_many([MAIL])
    moved = folder.rename(folder.parent / "moved")
    assert FolderArchive(moved).get(url) == MAIL


@pytest.mark.parametrize(
    "name", ["", "file:///etc/passwd", "../../etc/passwd", DIGEST.upper(), DIGEST + "0", f"{DIGEST}/../x", DIGEST + "\n"]
)
def test_a_name_that_is_no_digest_opens_nothing(archive, name):
    """Only 64 hexadecimal digits name a mail."""
    archive.put_many([MAIL])
    for asked in (archive.get, archive.exists):
        with pytest.raises(MailprocError, match="names no mail"):
            asked(name)


def test_a_mail_that_is_not_there_is_told_from_an_archive_that_is_away(archive, folder):
    """One line names the file that is missing."""
    with pytest.raises(MailprocError, match=f"there is no {folder}/00/00/0000") as caught:
        archive.get("0" * 64)
    assert not isinstance(caught.value, Away)


@pytest.mark.parametrize("missing", ["", "tmp"])
def test_an_archive_that_is_missing_is_away_and_is_not_created(tmp_path, missing):
    """A disk that is not mounted must not look like an empty archive."""
    folder = tmp_path / "archive"
    if missing:
        folder.mkdir()
    archive = FolderArchive(folder)
    for ask in (
        lambda: archive.put_many([MAIL]),
        lambda: archive.get(DIGEST),
        lambda: archive.exists(DIGEST),
        lambda: archive.writer().__enter__(),
        lambda: archive.sweep(0),
    ):
        with pytest.raises(Away, match="No such file or directory"):
            ask()
    assert folder.exists() is bool(missing)
    assert files_in(tmp_path) == []


def test_creating_twice_keeps_what_is_there(archive, folder):
    """``init`` and ``db upgrade`` may be run again."""
    [url] = archive.put_many([MAIL])
    create(folder)
    assert archive.get(url) == MAIL


def test_an_archive_that_cannot_be_created_says_why(tmp_path):
    """A file in the way is named in one line."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingsError, match=r"^archive: cannot create .*/file/archive: Not a directory$"):
        create(tmp_path / "file" / "archive")


def test_symbolic_links_and_pipes_are_not_followed(archive, folder, tmp_path):
    """What somebody planted in the place of a mail is neither read, nor waited for, nor written through."""
    final = folder / name_of(MAIL)
    final.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(b"elsewhere")
    final.symlink_to(tmp_path / "elsewhere")
    for ask in (lambda: archive.get(DIGEST), lambda: archive.put_many([MAIL])):
        with pytest.raises(Away, match="symbolic links"):
            ask()
    assert not archive.exists(DIGEST)
    assert (tmp_path / "elsewhere").read_bytes() == b"elsewhere"
    final.unlink()
    os.mkfifo(final)
    assert archive.get(archive.put_many([MAIL])[0]) == MAIL


def test_only_old_leavings_are_swept(archive, folder):
    """What another run is writing at this moment stays."""
    (folder / "tmp" / "old").write_bytes(b"half")
    (folder / "tmp" / "new").write_bytes(b"half")
    an_hour_ago = time.time() - 3600
    os.utime(folder / "tmp" / "old", (an_hour_ago, an_hour_ago))
    assert archive.sweep(1800) == 1
    assert files_in(folder) == ["tmp/new"]
