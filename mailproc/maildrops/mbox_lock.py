"""Locking an mbox file as Debian's policy says in section 11.6: with fcntl() first, then with a file ``PATH.lock``, and neither
is waited for while the other is held. Before them flock() is taken, which is all that some deliverers know.

A lock file holds the number of its process, on a line of its own as other programs have it; behind it ours says which process
that was, so that nobody has to wait until the lock of a run that was killed is old.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

PATIENCE = 10.0  # seconds
_FIRST_WAIT = 0.02
_LONGEST_WAIT = 0.5

# After so many seconds a lock file whose process has died, or that names none, is nobody's.
_STALE = 300.0

_OURS = "mailproc"

# What a file system says that does not have flock().
_NO_FLOCK = {errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK}


class Occupied(Exception):
    """Another program holds a lock of the file, and did not let go of it in time."""


@contextlib.contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[BinaryIO]:
    """The file at ``path``, open and locked for us alone; it is tried for ``patience`` seconds.

    Errors: `Occupied`; OSError, also for what is a symbolic link, has a hard link, or is no regular file.
    """
    until = time.monotonic() + patience
    wait = _FIRST_WAIT
    while (file := _tried(path)) is None:
        if time.monotonic() > until:
            raise Occupied
        time.sleep(wait * (0.5 + time.monotonic_ns() % 1000 / 2000))  # so that two do not keep step
        wait = min(2 * wait, _LONGEST_WAIT)
    try:
        yield file
    finally:
        # The file is closed last: a program that waits for it with fcntl() finds the other lock free.
        _lock_file(path).unlink(missing_ok=True)
        file.close()


def _tried(path: Path) -> BinaryIO | None:
    """The locked file, or None when another program has one of the locks, or has put another file in its place."""
    file = _opened(path)
    try:
        if _lock(file) and _put_lock_file(path):
            if _is_still(path, file):
                return file
            _lock_file(path).unlink(missing_ok=True)
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def _opened(path: Path) -> BinaryIO:
    # A pipe would else wait for who is at its other end.
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if unfit := _unfit(os.fstat(descriptor)):
        os.close(descriptor)
        raise OSError(unfit)
    return os.fdopen(descriptor, "r+b")


def _unfit(facts: os.stat_result) -> str:
    if not stat.S_ISREG(facts.st_mode):
        return "it is no regular file"
    if facts.st_nlink > 1:  # under its other name it would stay as it is, and be another file from then on
        return "the file has another name, too (a hard link); leave it one"
    return ""


def _is_still(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> bool:
    if not _taken(fcntl.flock, file):
        return False
    if not _taken(fcntl.lockf, file):
        with contextlib.suppress(OSError):  # on NFS it is made of the other lock (flock(2)): we would be in our own way
            fcntl.flock(file, fcntl.LOCK_UN)
        return _taken(fcntl.lockf, file)
    return True


def _taken(lock: Callable[[BinaryIO, int], None], file: BinaryIO) -> bool:
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        return False
    except OSError as error:
        if lock is fcntl.flock and error.errno in _NO_FLOCK:
            return True
        raise
    return True


def _put_lock_file(path: Path) -> bool:
    for _ in range(2):
        try:
            descriptor = os.open(_lock_file(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            # Who removes a stale one holds the other lock, so that no two of us take each other's for stale.
            if not _is_stale(_lock_file(path)):
                return False
            _lock_file(path).unlink(missing_ok=True)
            continue
        try:
            os.write(descriptor, f"{os.getpid()}\n{_OURS} {_machine()} {_begun(os.getpid())}\n".encode())
        finally:
            os.close(descriptor)
        return True
    return False


def _is_stale(lock_file: Path) -> bool:
    """Whether it is nobody's; only who holds the other lock may ask."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        old = time.time() - os.fstat(descriptor).st_mtime > _STALE
        number, _, rest = os.read(descriptor, 256).decode("ascii", "replace").partition("\n")
    finally:
        os.close(descriptor)
    ours, machine, begun = (*rest.split(), "", "", "")[:3]
    if ours != _OURS or not _machine():
        return old and not _lives(number)
    # By its number nothing can be known of a process on another machine, or before this one was started again.
    return not _lives(number, begun) if machine == _machine() else old


def _lives(number: str, begun: str = "") -> bool:
    """Whether the process of this number is there, and is the one that has ``begun`` then; False where it is no number.

    A zombie does not live: where the first process does not reap, as in many a container, it stays for ever.
    """
    words = number.split()[:1]
    if not (words and words[0].isdecimal() and 0 < int(words[0][:11]) < 1 << 31):
        return False
    try:
        os.kill(int(words[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state, since = _seen(int(words[0]))
    return state not in {"Z", "X"} and (not begun or not since or begun == since)


def _begun(pid: int) -> str:
    return _seen(pid)[1]


def _seen(pid: int) -> tuple[str, str]:
    """State and beginning of a process (proc(5)), the latter in ticks since the machine was; nothing where they are hidden."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


@functools.cache
def _machine() -> str:
    """What tells this machine since its last start, and this namespace of numbers of processes, from others; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
