"""Files that are named on the command line, read within bounds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mailproc.errors import SettingsError

LARGEST = 16 * 2**20  # octets


def read_input(path: Path) -> bytes:
    """The octets of a regular file of at most 16 MiB; raises `SettingsError` with the file and what is wrong with it."""
    try:
        with open(path, "rb", opener=at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SettingsError(f"{path}: it is not a regular file; name one")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if len(data) > LARGEST:
        raise SettingsError(f"{path}: it is larger than {LARGEST >> 20} MiB; name a smaller one")
    return data


def at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a FIFO; it changes nothing for a regular file."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
