"""What ends a process outside of any message: what is said of it, and the status."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.exits import last_words


def test_a_full_disk_is_no_bug_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """It is away, and whoever called us tries again."""
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left") as caught:
        full.write(b"x")
    assert last_words(caught.value) == os.EX_TEMPFAIL
    assert caplog.messages == ["this machine: No space left on device"]


def test_too_many_open_files_are_no_bug_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file that could not be opened is named."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files") as caught:
            os.open(tmp_path, os.O_RDONLY)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert last_words(caught.value) == os.EX_TEMPFAIL
    assert caplog.messages == [f"{tmp_path}: Too many open files"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(SettingsError("x"), os.EX_CONFIG), (LoginRefused("x"), os.EX_NOPERM), (Away("x"), os.EX_TEMPFAIL)],
)
def test_what_is_known_is_said_in_its_own_words(error: Exception, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """In one line, without a traceback."""
    assert last_words(error) == status
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [("x", None)]


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(2, "x")])
def test_anything_else_is_a_bug_of_ours(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is missing, too, that nobody has looked for before."""
    assert last_words(error) == os.EX_SOFTWARE
    assert caplog.messages[0].startswith("a bug of ours outside of any message: ")
