"""An MTA's delivery to an mbox, as a process: ``python deliverer.py PATH ORDER NAME NUMBER``.

It opens the file, takes both locks in the order that is said (``dotlock`` first as Postfix does, or ``fcntl`` first as Debian's
policy says), looks whether the file still has its name, and appends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path


def deliver(path: Path, order: str, octets: bytes) -> None:
    """Append a message, and try until it is done."""
    while not _tried(path, order, octets):
        time.sleep(0.002)


def _tried(path: Path, order: str, octets: bytes) -> bool:
    lock_file = path.with_name(path.name + ".lock")
    locks = [lambda: _put(lock_file), lambda: _locked(mbox)]
    with path.open("ab") as mbox:
        held = all(lock() for lock in (locks if order == "dotlock" else reversed(locks)))
        if held and path.exists() and os.path.samestat(os.fstat(mbox.fileno()), path.stat()):
            mbox.write(octets)
            mbox.flush()
        else:
            octets = b""
        if held or (order == "dotlock" and _ours(lock_file)):
            lock_file.unlink()
    return bool(octets)


def _put(lock_file: Path) -> bool:
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(lock_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(descriptor, str(os.getpid()).encode())
        os.close(descriptor)
        return True
    return False


def _ours(lock_file: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return lock_file.read_text() == str(os.getpid())
    return False


def _locked(mbox: object) -> bool:
    try:
        fcntl.lockf(mbox, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except OSError:
        return False
    return True


if __name__ == "__main__":
    for number in range(int(sys.argv[4])):
        text = f"From {sys.argv[3]}@example.org  Sun Mar  1 12:30:00 2026\nSubject: {sys.argv[3]} {number}\n\nHello.\n\n"
        deliver(Path(sys.argv[1]), sys.argv[2], text.encode())
