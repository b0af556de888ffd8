"""An mbox maildrop beside the contract: locks, other programs, crashes, large files."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from mailproc.errors import Away, SettingsError
from mailproc.maildrops import mbox as mbox_module
from mailproc.maildrops import mbox_lock
from mailproc.maildrops.mbox import MboxDrop, has_mail
from mailproc.maildrops.mbox_index import read_index
from mailproc.reading import read_header
from mailproc.screening.reverse_path import written_path
from tests.maildrops import deliverer
from tests.maildrops.kinds import POSTMARK

ROOT = Path(__file__).parents[2]
NOBODY = 65534
RAWS = [POSTMARK + f"Subject: {number}\n\nHello.\n".encode() for number in range(3)]


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    """An mbox with three messages."""
    path = tmp_path / "mbox"
    path.write_bytes(b"".join(raw + b"\n" for raw in RAWS))
    return path


def raws(drop: MboxDrop) -> list[bytes]:
    """All that waits, fetched."""
    return [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))]


def remove(drop: MboxDrop, *uids: str) -> list[str]:
    """Remove these; what has left."""
    drop.mark(uids)
    return list(drop.expunge(uids))


def impatient(path: Path) -> MboxDrop:
    """A maildrop that does not wait for locks."""
    return MboxDrop("main", path, patience=0.05)


def test_a_uid_is_a_digest(mbox: Path) -> None:
    """A message has the same uid wherever it lies; of two that are alike the second has a number behind it."""
    mbox.write_bytes(RAWS[1] + b"\n" + RAWS[0] + b"\n" + RAWS[1] + b"\n" + RAWS[1])
    one, other = (hashlib.blake2b(raw, digest_size=20).hexdigest() for raw in (RAWS[1], RAWS[0]))
    drop = MboxDrop("main", mbox)
    assert list(drop.uids()) == [one, other, f"{one}-2", f"{one}-3"]
    assert remove(drop, f"{one}-2") == [f"{one}-2"]
    assert mbox.read_bytes() == RAWS[1] + b"\n" + RAWS[0] + b"\n" + RAWS[1]


def test_the_reverse_path_is_known(mbox: Path) -> None:
    """The line "From " comes along as the first line, where the reader looks for it."""
    first, *_ = raws(MboxDrop("main", mbox))
    header = read_header(first)
    assert (written_path(header), header.first("Subject")) == ("ann@example.org", "0")


def test_the_size_is_that_of_the_bytes(mbox: Path) -> None:
    """A size does not count the quoting, so that no message seems to have come in part."""
    mbox.write_bytes(POSTMARK + b"Subject: x\n\n" + b">From a\n>>From b\n" * 100)
    drop = MboxDrop("main", mbox)
    (waiting,) = drop.waiting(drop.uids())
    (fetched,) = drop.fetch([waiting])
    assert waiting.size == len(fetched.raw) == mbox.stat().st_size - 200


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    """The MTA makes the file with the first mail; until then there is none, and nothing is made."""
    drop = MboxDrop("main", tmp_path / "mbox")
    assert (list(drop.uids()), remove(drop, "x"), list(drop.waiting(["x"]))) == ([], ["x"], [])
    assert list(tmp_path.iterdir()) == []
    assert not has_mail("main", tmp_path / "mbox")


def test_a_missing_folder_is_away(tmp_path: Path) -> None:
    """Where there is no folder, nothing can be delivered: a path that is wrong is not taken for an empty mbox."""
    for look in (lambda: MboxDrop("main", tmp_path / "none" / "mbox"), lambda: has_mail("main", tmp_path / "none" / "mbox")):
        with pytest.raises(Away, match=rf"^maildrop main: {tmp_path}/none"):
            look()


def test_the_first_look_is_at_the_size(mbox: Path) -> None:
    """Whether mail waits is known without a lock and without reading."""
    mbox.with_name("mbox.lock").write_text(str(os.getpid()))
    assert has_mail("main", mbox)
    mbox.write_bytes(b"")
    assert not has_mail("main", mbox)


def test_the_first_look_imports_little(mbox: Path) -> None:
    """What is for networks, digests and mail is not imported to know that there is none."""
    mbox.write_bytes(b"")
    program = f"""
import sys
from mailproc.drops import has_mail
from mailproc.settings import Maildrop, MboxUrl
from pathlib import Path
assert not has_mail(Maildrop(MboxUrl(Path({str(mbox)!r}))))
print(*{{"ssl", "socket", "hashlib", "poplib", "imaplib", "email", "sqlalchemy", "random"}}.intersection(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "\n"


@pytest.mark.parametrize("octets", [b"\x7fELF", b"Subject: x\n\n", b"\n" + RAWS[0]])
def test_another_file_is_refused(mbox: Path, octets: bytes) -> None:
    """A file that does not begin as an mbox is the operator's mistake, and is left as it is."""
    mbox.write_bytes(octets)
    with pytest.raises(SettingsError, match=f"^maildrop main: {mbox}: it does not begin with .* name the file that the MTA"):
        MboxDrop("main", mbox).uids()
    assert mbox.read_bytes() == octets


@pytest.mark.parametrize(
    ("name", "says"),
    [("link", "Too many levels of symbolic links"), ("pipe", "it is no regular file"), ("folder", "Is a directory")],
)
def test_what_is_no_regular_file_is_not_opened(mbox: Path, tmp_path: Path, name: str, says: str) -> None:
    """Neither a link, which a rename would replace, nor a pipe or a folder is used."""
    (tmp_path / "link").symlink_to(mbox)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Away, match=f"^maildrop main: {tmp_path / name}: {says}$"):
        MboxDrop("main", tmp_path / name).uids()
    assert not list(tmp_path.glob("*.lock"))


def test_a_file_of_two_names_is_refused(mbox: Path, tmp_path: Path) -> None:
    """A rename would make two files of it, of which one stays as it is."""
    (tmp_path / "other").hardlink_to(mbox)
    with pytest.raises(Away, match=rf"^maildrop main: {mbox}: the file has another name, too \(a hard link\); leave it one$"):
        MboxDrop("main", mbox).uids()
    (tmp_path / "other").unlink()
    assert len(MboxDrop("main", mbox).uids()) == 3


def test_the_rest_is_as_it_was(mbox: Path) -> None:
    """What is left keeps its bytes, whatever they are, and the file its owner, its rights and its time."""
    odd = POSTMARK + b"Subject: odd\r\n\r\n>From \xff\x00\r\n\r\n\n\n"
    mbox.write_bytes(RAWS[0] + b"\n" + odd + b"\n" + RAWS[2])
    mbox.chmod(0o620)
    os.setxattr(mbox, "user.mark", b"1")
    if os.geteuid() == 0:
        os.chown(mbox, NOBODY, 8)
    os.utime(mbox, (1_700_000_000, 1_700_000_001))
    before = facts(mbox)
    drop = MboxDrop("main", mbox)
    first, _, third = drop.uids()
    assert remove(drop, first, third) == [first, third]
    assert (mbox.read_bytes(), facts(mbox), os.getxattr(mbox, "user.mark")) == (odd + b"\n", before, b"1")
    assert [path.name for path in mbox.parent.iterdir()] == ["mbox"]


def facts(path: Path) -> tuple[float, ...]:
    """Owner, rights and time of a file."""
    stat = path.stat()
    return stat.st_uid, stat.st_gid, stat.st_mode, stat.st_mtime


def test_messages_are_found_where_removals_have_put_them(mbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removing in any order, each by itself, leaves the others to be fetched without another reading of the file."""
    numbered = [POSTMARK + f"Subject: {number}\n\n{'x' * number}\n".encode() for number in range(40)]
    mbox.write_bytes(b"".join(raw + b"\n" for raw in numbered))
    drop = MboxDrop("main", mbox)
    uids = list(drop.uids())
    waiting = dict(zip(uids, drop.waiting(uids), strict=True))
    monkeypatch.setattr(mbox_module, "read_index", None)
    order = [(7 * number) % 40 for number in range(40)]
    for place, number in enumerate(order):
        assert remove(drop, uids[number]) == [uids[number]]
        left = sorted(order[place + 1 :])
        assert [fetched.raw for fetched in drop.fetch([waiting[uids[other]] for other in left])] == [
            numbered[other] for other in left
        ]
    assert mbox.read_bytes() == b""


def test_what_is_removed_in_order_is_one_range(mbox: Path) -> None:
    """However many messages have left, what is to be remembered of them stays short."""
    with mbox.open("rb") as file:
        index = read_index(file)
    for uid in list(index.entries):
        index.forget([uid])
    assert index.removed == [(0, mbox.stat().st_size)]


def test_what_is_appended_meanwhile_is_kept(mbox: Path) -> None:
    """Mail that came after the look is not seen until the next one, and is not lost with the others."""
    drop = MboxDrop("main", mbox)
    uids = list(drop.uids())
    new = POSTMARK + b"Subject: new\n\n"
    with mbox.open("ab") as file:
        file.write(new + b"\n")
    assert remove(drop, *uids) == uids
    assert mbox.read_bytes() == new + b"\n"
    assert raws(drop) == [new]


def test_a_message_that_has_grown_is_not_cut_in_two(mbox: Path) -> None:
    """Who had written the first half without a lock of ours goes on: that is another message now, and the file an mbox."""
    half = POSTMARK + b"Subject: new\n\nThe first half, "
    with mbox.open("ab") as file:
        file.write(half)
    drop = MboxDrop("main", mbox)
    waiting = list(drop.waiting(drop.uids()))
    with mbox.open("ab") as file:
        file.write(b"and the second.\n\n")
    assert [fetched.raw for fetched in drop.fetch(waiting)] == RAWS
    assert remove(drop, waiting[-1].uid) == [waiting[-1].uid]
    assert raws(drop) == [*RAWS, half + b"and the second.\n"]


@pytest.mark.parametrize("late", [b"second half\n\n", b"", b"From bob@example.net Mon Mar  2 10:00:00 2026\n\n"])
def test_a_message_that_grows_after_it_was_fetched(mbox: Path, late: bytes) -> None:
    """It stays; where nothing has come, or another message, it leaves."""
    mbox.write_bytes(POSTMARK + b"\nThe first half\n\n")
    drop = MboxDrop("main", mbox)
    (uid,) = drop.uids()
    before = mbox.read_bytes()
    with mbox.open("ab") as file:
        file.write(late)
    assert remove(drop, uid) == [uid]
    assert mbox.read_bytes() == (before + late if late.startswith(b"second") else late)


def test_a_file_that_others_have_rewritten_is_read_again(mbox: Path) -> None:
    """A message that another program moved is found, one that it changed is another one, none is taken for its neighbour."""
    drop = MboxDrop("main", mbox)
    uids = list(drop.uids())
    changed = RAWS[1].replace(b"\n\n", b"\nStatus: RO\n\n")
    mbox.write_bytes(RAWS[2] + b"\n" + changed + b"\n" + RAWS[0] + b"\n")
    assert remove(drop, uids[0], uids[1]) == [uids[0], uids[1]]
    assert mbox.read_bytes() == RAWS[2] + b"\n" + changed + b"\n"


def test_two_deliverers_lose_nothing(tmp_path: Path) -> None:
    """While two processes deliver, each with its order of the locks, and mail is removed, each message is seen exactly once."""
    path = tmp_path / "mbox"
    program = [sys.executable, deliverer.__file__, str(path)]
    senders = [subprocess.Popen([*program, order, name, "60"]) for order, name in (("dotlock", "ann"), ("fcntl", "bob"))]
    drop = MboxDrop("main", path)
    seen: Counter[bytes] = Counter()
    until = time.monotonic() + 60
    while sum(seen.values()) < 120 and time.monotonic() < until:
        uids = list(drop.uids())
        seen.update(fetched.raw.split(b"\n")[1] for fetched in drop.fetch(drop.waiting(uids)))
        assert remove(drop, *uids) == uids
    assert [sender.wait(20) for sender in senders] == [0, 0]
    assert seen == Counter(f"Subject: {name} {number}".encode() for name in ("ann", "bob") for number in range(60))
    assert path.read_bytes() == b""


@pytest.mark.parametrize("failpoint", ["mbox-rename", "expunge"])
def test_killed_before_the_rename_nothing_has_left(mbox: Path, failpoint: str) -> None:
    """The old file is whole, what lies beside it disturbs nobody, and the next run removes it all."""
    program = f"""
from mailproc.maildrops.mbox import MboxDrop
drop = MboxDrop("main", {str(mbox)!r})
uids = drop.uids()
drop.mark(uids[:2])
drop.expunge(uids[:2])
"""
    environment = {**os.environ, "MAILPROC_FAILPOINT": f"{failpoint}:kill"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert mbox.read_bytes() == b"".join(raw + b"\n" for raw in RAWS)
    assert mbox.with_name("mbox.mailproc").exists() is mbox.with_name("mbox.lock").exists() is (failpoint == "mbox-rename")
    drop = MboxDrop("main", mbox)
    first, second, _ = drop.uids()
    assert remove(drop, first, second) == [first, second]
    assert raws(drop) == [RAWS[2]]
    assert [path.name for path in mbox.parent.iterdir()] == ["mbox"]


@pytest.mark.parametrize("fault", ["enospc", "eio"])
def test_a_full_disk_changes_nothing(mbox: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """When the new file cannot be written, the old one stays, and the maildrop is away."""

    def failing(name: str) -> None:
        if name == "mbox-rename":
            raise OSError(28, os.strerror(28)) if fault == "enospc" else OSError(5, os.strerror(5))

    monkeypatch.setattr(mbox_module, "failpoint", failing)
    drop = MboxDrop("main", mbox)
    uids = list(drop.uids())
    drop.mark(uids)
    with pytest.raises(Away, match="No space left" if fault == "enospc" else "Input/output error"):
        drop.expunge(uids)
    assert mbox.read_bytes() == b"".join(raw + b"\n" for raw in RAWS)
    assert [path.name for path in mbox.parent.iterdir()] == ["mbox"]


def test_a_disk_that_fails_is_no_empty_mbox(mbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read has not gone, neither then nor when it is asked for again."""

    def failing(file: object) -> None:
        raise OSError(5, os.strerror(5))

    drop = MboxDrop("main", mbox)
    uids = list(drop.uids())
    drop.mark(uids)
    monkeypatch.setattr(mbox_module, "read_index", failing)
    for question in (drop.uids, lambda: drop.expunge(uids), drop.uids):
        with pytest.raises(Away, match="Input/output error"):
            question()
    monkeypatch.undo()
    assert list(drop.expunge(uids)) == uids


def make_old(lock_file: Path, seconds: float = 301) -> None:
    """Let so much time have passed since a lock file was written."""
    then = time.time() - seconds
    os.utime(lock_file, (then, then))


def dead_pid() -> int:
    """The number of a process that there was."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_dotlock_is_respected(mbox: Path) -> None:
    """While another program's lock file stands there, nothing is read or removed, and the maildrop is away."""
    drop = impatient(mbox)
    uids = list(drop.uids())
    lock_file = mbox.with_name("mbox.lock")
    lock_file.write_text(f"{os.getpid()}\n")
    make_old(lock_file, 100_000)
    drop.mark(uids)
    for question in (drop.uids, lambda: drop.expunge(uids)):
        with pytest.raises(Away, match=f"^maildrop main: {mbox}: another program holds its lock$"):
            question()
    assert mbox.stat().st_size == sum(len(raw) + 1 for raw in RAWS)
    assert lock_file.exists()
    lock_file.unlink()
    assert list(drop.expunge(uids)) == uids


def test_a_lock_of_fcntl_is_respected(mbox: Path) -> None:
    """A lock that another process has by fcntl() is waited for as long as we are patient, and no lock file is left."""
    program = (
        f"import fcntl, sys\nf = open({str(mbox)!r}, 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(Away, match="another program holds its lock"):
            impatient(mbox).uids()
        assert not mbox.with_name("mbox.lock").exists()
        drop = MboxDrop("main", mbox)
        holder.stdin.close()
        assert len(drop.uids()) == 3


def test_a_lock_of_flock_is_respected(mbox: Path) -> None:
    """Some deliverers know no other."""
    with mbox.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Away, match="another program holds its lock"):
            impatient(mbox).uids()
    assert len(impatient(mbox).uids()) == 3


def made_of_fcntl(file: BinaryIO, operation: int) -> None:
    """flock() as NFS has it: the other lock, held by somebody else than us."""
    kind = fcntl.F_UNLCK if operation == fcntl.LOCK_UN else fcntl.F_WRLCK
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))


def not_there(file: BinaryIO, operation: int) -> None:
    """flock() as a file system has it that has none."""
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


@pytest.mark.parametrize("flock", [made_of_fcntl, not_there])
def test_where_there_is_no_flock_the_other_locks_do(
    mbox: Path, monkeypatch: pytest.MonkeyPatch, flock: Callable[[BinaryIO, int], None]
) -> None:
    """We are not in our own way, and others are."""
    monkeypatch.setattr(fcntl, "flock", flock)
    assert len(impatient(mbox).uids()) == 3
    with mbox.open("r+b") as other:
        made_of_fcntl(other, fcntl.LOCK_EX)
        with pytest.raises(Away, match="another program holds its lock"):
            impatient(mbox).uids()


@pytest.mark.parametrize("written", [b"", b"what?\n", b"\xff\xfe", b"0", b"99999999999999999999"])
def test_an_old_lock_file_of_nobody_is_removed(mbox: Path, written: bytes) -> None:
    """After five minutes a lock file that names no process is nobody's; before, it is somebody's."""
    lock_file = mbox.with_name("mbox.lock")
    lock_file.write_bytes(written)
    with pytest.raises(Away):
        impatient(mbox).uids()
    make_old(lock_file)
    assert len(impatient(mbox).uids()) == 3
    assert not lock_file.exists()


def test_a_lock_file_of_a_dead_process_is_removed_when_it_is_old(mbox: Path) -> None:
    """On a shared disk the process may live on another machine, so that its death alone is not enough."""
    lock_file = mbox.with_name("mbox.lock")
    lock_file.write_text(f"{dead_pid()}\n")
    with pytest.raises(Away):
        impatient(mbox).uids()
    make_old(lock_file)
    assert len(impatient(mbox).uids()) == 3


def test_a_zombie_holds_no_lock(mbox: Path) -> None:
    """A process that has ended is dead, also where nobody waits for it."""
    lock_file = mbox.with_name("mbox.lock")
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        lock_file.write_text(f"{zombie.pid}\n")
        make_old(lock_file)
        assert len(impatient(mbox).uids()) == 3


def killed_with_the_lock(mbox: Path) -> subprocess.Popen[bytes]:
    """A process of ours that was killed while it had the lock, and is a zombie until it is waited for."""
    program = f"""
import os
from pathlib import Path
from mailproc.maildrops import mbox_lock
mbox_lock._put_lock_file(Path({str(mbox)!r}))
os.kill(os.getpid(), 9)
"""
    killed = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    return killed


@pytest.mark.parametrize("reaped", [False, True], ids=["zombie", "gone"])
def test_our_own_lock_file_is_known_at_once(mbox: Path, reaped: bool) -> None:
    """What a process of ours has left that was killed on this machine keeps nobody waiting."""
    with killed_with_the_lock(mbox) as killed:
        if reaped:
            killed.wait()
        assert mbox.with_name("mbox.lock").read_text().startswith(f"{killed.pid}\n")
        assert len(impatient(mbox).uids()) == 3
    assert [path.name for path in mbox.parent.iterdir()] == ["mbox"]


def test_the_number_of_a_dead_process_of_ours_may_be_given_again(mbox: Path) -> None:
    """A process that has begun at another time is not the one that wrote the lock file; the one that did is respected."""
    lock_file = mbox.with_name("mbox.lock")
    killed_with_the_lock(mbox).wait()
    _, ours = lock_file.read_text().splitlines()
    lock_file.write_text(f"{os.getpid()}\n{ours}\n")
    assert len(impatient(mbox).uids()) == 3
    assert mbox_lock._put_lock_file(mbox)
    make_old(lock_file)
    with pytest.raises(Away, match="another program holds its lock"):
        impatient(mbox).uids()


def test_our_own_lock_file_from_another_machine_has_to_be_old(mbox: Path) -> None:
    """Or from before this one was started again; no number tells then whether its process lives."""
    lock_file = mbox.with_name("mbox.lock")
    lock_file.write_text(f"{dead_pid()}\nmailproc another 1\n")
    with pytest.raises(Away):
        impatient(mbox).uids()
    lock_file.write_text(f"{os.getpid()}\nmailproc another 1\n")
    make_old(lock_file)
    assert len(impatient(mbox).uids()) == 3


def test_a_planted_lock_file_is_not_followed(mbox: Path, tmp_path: Path) -> None:
    """A link in the place of the lock file, or of the new file, leads nowhere."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep me")
    mbox.with_name("mbox.lock").symlink_to(victim)
    with pytest.raises(Away):
        impatient(mbox).uids()
    mbox.with_name("mbox.lock").unlink()
    mbox.with_name("mbox.mailproc").symlink_to(victim)
    drop = impatient(mbox)
    uids = list(drop.uids())
    assert remove(drop, *uids) == uids
    assert victim.read_bytes() == b"keep me"


def test_a_file_that_was_replaced_before_it_was_locked_is_not_used(mbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens the old file and then waits for the locks finds that its name is that of another one now, and opens that."""
    new = POSTMARK + b"Subject: new\n\n"
    mbox.with_name("other").write_bytes(new + b"\n")
    put = mbox_lock._put_lock_file

    def replacing(path: Path) -> bool:
        if mbox.with_name("other").exists():
            mbox.with_name("other").rename(mbox)
        return put(path)

    monkeypatch.setattr(mbox_lock, "_put_lock_file", replacing)
    assert raws(MboxDrop("main", mbox)) == [new]
    assert [path.name for path in mbox.parent.iterdir()] == ["mbox"]


def test_both_locks_are_held_while_the_file_is_rewritten(mbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the rename nobody else can have either lock, and afterwards both are free."""
    seen: list[tuple[bool, int]] = []
    probe = f"import fcntl\nf = open({str(mbox)!r}, 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"

    def looking(name: str) -> None:
        if name == "mbox-rename":
            locked = subprocess.run([sys.executable, "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode
            seen.append((mbox.with_name("mbox.lock").read_text().startswith(f"{os.getpid()}\nmailproc "), locked))

    monkeypatch.setattr(mbox_module, "failpoint", looking)
    drop = MboxDrop("main", mbox)
    remove(drop, drop.uids()[0])
    assert seen == [(True, 1)]
    assert not mbox.with_name("mbox.lock").exists()
    with mbox.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_is_not_ours_is_named() -> None:
    """Who may not make a lock file is told which right is missing, and where."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mbox = folder / "mbox"
        mbox.write_bytes(b"From a@example.com Sat Nov 21 12:00:00 2026\n\n\n")
        mbox.chmod(0o666)
        before = os.geteuid()
        folder.chmod(0o755 if before == 0 else 0o555)
        if before == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(Away, match=rf"mbox\.lock: Permission denied; we must be allowed .* in {folder} .*group mail"):
                MboxDrop("main", mbox).uids()
        finally:
            os.seteuid(before)
            folder.chmod(0o755)
