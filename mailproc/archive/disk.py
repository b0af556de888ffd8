"""What an archive asks of a disk: new files, old files, and that a name is on it; an error of the disk is `Away`."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from mailproc.errors import Away
from mailproc.failpoints import failpoint

AT_ONCE = 16  # files

_T = TypeVar("_T")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a planted FIFO must not hold us up


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


def side_by_side(do: Callable[[_T], None], each: Collection[_T]) -> None:
    """Do this with each, several at the same time: a disk sees many files through in the time that it takes for one.

    What goes wrong is raised when all have ended, so that nobody still makes what is cleared away then.
    """
    if len(each) < 2:
        for one in each:
            do(one)
        return
    begun = [_pool(os.getpid()).submit(do, one) for one in each]
    wait(begun)
    for done in begun:
        done.result()


@cache
def _pool(pid: int) -> ThreadPoolExecutor:
    """The threads of this process; one that was forked has none of its parent's."""
    return ThreadPoolExecutor(AT_ONCE, "disk")
