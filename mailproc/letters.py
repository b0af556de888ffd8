"""The messages in files that a person names: a mail, an mbox archive (RFC 4155), a Maildir, or standard input."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mailproc.inputfile import at_once
from mailproc.maildrops.maildir_files import MaildirFiles, Unreadable, arrival
from mailproc.maildrops.mbox_file import content, ends, messages

_PIECE = 1 << 20  # octets


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that can be read once; ``place`` names it for a person, ``arrival`` is its file's time."""

    place: str
    arrival: datetime
    pieces: Iterator[bytes]


def letters(name: str, mbox: bool | None, temporary: Path) -> Iterator[Letter]:
    """The messages in the file or Maildir ``name``, in their order; memory is flat. With ``mbox`` None its first
    line says whether it is one.

    Each must be read before the next is asked for. What is on standard input ("-") is copied into a file in ``temporary``.
    Raises OSError or ValueError for what cannot be read.
    """
    if name == "-":
        with tempfile.TemporaryFile(dir=temporary) as file:
            # Else what is slow to come would be taken for the end.
            os.set_blocking(sys.stdin.fileno(), True)
            shutil.copyfileobj(sys.stdin.buffer, file, _PIECE)
            file.seek(0)
            yield from _in_file(file, "standard input", mbox)
    elif not name:
        raise ValueError("this is no name; name a file")  # `Path` takes it for the current folder
    elif Path(name).is_dir():
        yield from _in_maildir(Path(name))
    else:
        with open(name, "rb", opener=at_once) as file:
            yield from _in_file(file, name, mbox)


def _in_file(file: BinaryIO, name: str, mbox: bool | None) -> Iterator[Letter]:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file and no Maildir; name one, or write it to - (standard input)")
    if not status.st_size:  # as are files of the kernel, which may have no end
        raise ValueError("it is empty")
    os.set_blocking(file.fileno(), True)  # as standard input was
    came = arrival(status.st_mtime)
    beginning = file.read(5)
    file.seek(0)
    if mbox or (mbox is None and beginning == b"From "):
        _lock(file)
        for number, extent in enumerate(messages(file), 1):
            pieces = _unless_changed(content(file, extent), partial(ends, file, extent))
            yield Letter(f"{name}, message {number}", came, pieces)
    else:
        pieces = iter(partial(file.read, _PIECE), b"")
        yield Letter(name, came, _unless_changed(pieces, lambda: _times(file) == (status.st_size, status.st_mtime_ns)))


def _lock(file: BinaryIO) -> None:
    """Let no MTA append to an mbox while it is read, nor begin while one does; where there are such locks."""
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise ValueError("another program is writing it; try again") from None
    except OSError:
        return


def _unless_changed(pieces: Iterator[bytes], same: Callable[[], bool]) -> Iterator[bytes]:
    """The same pieces; raises OSError at their end when the half of a mail may have been read."""
    yield from pieces
    if not same():
        raise OSError(errno.EBUSY, "another program is writing it; try again")


def _times(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _in_maildir(path: Path) -> Iterator[Letter]:
    if not (path / "cur").is_dir() or not (path / "new").is_dir():
        raise ValueError("it is a folder and no Maildir; name the files in it")
    with closing(MaildirFiles(str(path))) as folder:
        for seconds, uid, place in folder.scan():
            yield Letter(f"{path}/{place.part}/{place.file}", arrival(seconds), _pieces(folder, uid))


def _pieces(folder: MaildirFiles, uid: str) -> Iterator[bytes]:
    try:
        descriptor = folder.open(uid)
    except Unreadable as error:
        raise OSError(0, str(error)) from None
    if descriptor is None:
        raise FileNotFoundError(0, "it has gone")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        while piece := file.read(_PIECE):
            yield piece
