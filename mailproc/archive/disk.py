"""What an archive asks of a disk: new files, old files, and that a name is on it; an error of the disk is `Away`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailproc.errors import Away
from mailproc.failpoints import failpoint

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a planted FIFO must not hold us up
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def away_on_error(path: Path) -> Iterator[None]:
    """Whatever the disk refuses in this block is `Away`, with the file that it refused, or else ``path``."""
    try:
        yield
    except OSError as error:
        raise Away(f"archive {error.filename or path}: {error.strerror or error}") from error


def new_file(path: Path) -> io.FileIO:
    """A file that was not there before (0600), to be written; raises OSError."""
    return io.FileIO(os.open(path, _NEW, 0o600), "w")


def old_file(path: Path) -> io.BufferedReader:
    """A file that is there, and no symbolic link, to be read; raises OSError."""
    return io.BufferedReader(io.FileIO(os.open(path, _OLD), "r"))


def write_new(path: Path, mail: bytes) -> None:
    """Write a whole mail into a file of its own, and see its bytes to the disk; raises OSError."""
    with io.BufferedWriter(new_file(path)) as file:
        file.write(mail)
        file.flush()
        failpoint("archive-temp")
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See the names in a folder to the disk; raises OSError."""
    descriptor = os.open(folder, _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
