"""Where a handler's passwords and keys are read from, for who writes handlers."""

from __future__ import annotations

from pathlib import Path

from mailproc.settings.passwords import first_given


def secret_in(key: str, file: Path) -> str:
    """The first line of ``file``, the value of the option ``key`` without its ``_file``.

    Read it when it is needed, and put it into no log. Raises `SettingsError` for a file that others may read, that cannot be
    read, or that has no such line.
    """
    found = first_given(key, None, file)
    assert found is not None  # noqa: S101 - a file is given
    return found
