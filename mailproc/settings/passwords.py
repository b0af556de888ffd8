"""Secrets: values that do not show themselves, and where passwords and tokens are read from."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from mailproc.errors import Away, SettingsError
from mailproc.inputfile import at_once

if TYPE_CHECKING:
    import subprocess

COMMAND_SECONDS = 30.0  # a password manager may ask a server; a person who types it is not there at night
_LONGEST = 64 * 1024


class Secret:
    """A text that stays out of logs, tracebacks and ``repr``; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def first_given(key: str, secret: Secret | None, file: Path | None, command: Sequence[str] = ()) -> str | None:
    """A secret from the first of these that is given: the environment, the first line of a file or of a command's output.

    None when none is. ``key`` is the secret's own, as ``smtp.password``. Raises `SettingsError` for a file that others may
    read, or that has no such line, `Away` when the command fails.
    """
    if secret is not None:
        return secret.reveal()
    if file is not None:
        return _first_line(read_guarded(file, f"{key}_file"), f"{key}_file: {file}")
    if command:
        where = f"{key}_command: {command[0]}"
        return _first_line(_run(command, where), where)
    return None


def _first_line(content: bytes, where: str) -> str:
    line = content.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line:
        raise SettingsError(f"{where}: its first line is empty; put the secret there")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{where}: its first line is not UTF-8; write it so") from None


def read_guarded(file: Path, key: str) -> bytes:
    """The content of a file that ``key`` names, at most 64 KiB; raises `SettingsError` where others may read it."""
    try:
        with open(file, "rb", opener=at_once) as opened:
            # Asked of the open file, so that it cannot be exchanged between question and answer.
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise SettingsError(f"{key}: {file}: it is not a regular file; name one")
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SettingsError(f"{key}: others may read or write it; type: chmod o-rwx {file}")
            return opened.read(_LONGEST)
    except OSError as error:
        raise SettingsError(f"{key}: {file}: {error.strerror}; name a file that can be read") from None


def _run(command: Sequence[str], where: str) -> bytes:
    import signal  # kept out of the way of a run that has a password file
    import subprocess

    try:
        # A session of its own, so that at its end nothing that it started holds our pipe.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        raise SettingsError(f"{where}: {error.strerror}; name a program that can be run") from None
    with process:
        try:
            output = _output(process, cast("IO[bytes]", process.stdout), where)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise Away(f"{where}: ended with status {process.returncode}; try it by hand")
    return output


def _output(process: subprocess.Popen[bytes], pipe: IO[bytes], where: str) -> bytes:
    """What it writes until it ends, within bounds of time and memory."""
    import select
    import subprocess

    until = time.monotonic() + COMMAND_SECONDS
    output = b""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    try:
        while waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            piece = os.read(pipe.fileno(), _LONGEST)
            output += piece
            if not piece:
                process.wait(max(0.0, until - time.monotonic()))
                return output
            if len(output) > _LONGEST:
                raise Away(f"{where}: it writes more than {_LONGEST >> 10} KiB; try it by hand")
    except subprocess.TimeoutExpired:
        pass
    raise Away(f"{where}: no answer after {COMMAND_SECONDS:g} s; try it by hand")
