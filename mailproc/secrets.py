"""Where a handler's passwords and keys are read from, for who writes handlers."""

from __future__ import annotations

from pathlib import Path

from mailproc.settings.passwords import first_given, read_guarded


def secret_in(key: str, file: Path) -> str:
    """The first line of ``file``, which the option ``{key}_file`` names: a password or a token.

    Read it when it is needed, and put it into no log. Raises `SettingsError` for a file that others may read, that cannot be
    read, or that has no such line.
    """
    found = first_given(key, None, file)
    assert found is not None  # noqa: S101 - a file is given
    return found


def secret_file(option: str, file: Path) -> bytes:
    """The whole of ``file``, which ``option`` names: a key in several lines, at most 64 KiB; raises as `secret_in` does."""
    return read_guarded(file, option)
