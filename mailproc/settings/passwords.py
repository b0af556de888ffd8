"""Secrets: values that do not show themselves, and where passwords and tokens are read from."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mailproc.errors import Away, SettingsError

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


class WithPassword(Protocol):
    """A section of the configuration that may need a password."""

    @property
    def password(self) -> Secret | None:
        """From the environment; it goes before the others."""

    @property
    def password_file(self) -> Path | None:
        """A file whose first line is the password."""

    @property
    def password_command(self) -> Sequence[str]:
        """A program and its arguments; the first line that it writes is the password."""


def password_of(section: WithPassword, key: str) -> str:
    """The password for a section of the configuration; ``key`` is what an error calls it, as ``maildrop[0]``.

    Raises `SettingsError` when there is none or its file may be read by others, `Away` when the command fails.
    """
    given = first_given(f"{key}.password", section.password, section.password_file, section.password_command)
    if given is None:
        raise SettingsError(f"{key}.password_file: is missing; give it, or password_command")
    return given


def first_given(key: str, secret: Secret | None, file: Path | None, command: Sequence[str] = ()) -> str | None:
    """A secret from the first of these that is given: the environment, the first line of a file or of a command's output.

    None when none is. ``key`` is the secret's own, as ``smtp.password``; errors are those of `password_of`.
    """
    if secret is not None:
        return secret.reveal()
    if file is not None:
        return _first_line(_read_file(file, f"{key}_file"), f"{key}_file: {file}")
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


def _read_file(file: Path, key: str) -> bytes:
    try:
        with file.open("rb") as opened:
            # Asked of the open file, so that it cannot be exchanged between question and answer.
            if os.fstat(opened.fileno()).st_mode & (stat.S_IROTH | stat.S_IWOTH):
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
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Away(f"{where}: no answer after {COMMAND_SECONDS:g} s; try it by hand") from None
    if process.returncode != 0:
        raise Away(f"{where}: ended with status {process.returncode}; try it by hand")
    return output
