"""A place that its reader may not look into."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailproc.cli.demo
import mailproc.demo.play
from mailproc.cli import cli
from mailproc.cli.running import run
from mailproc.settings import find, loading

NOBODY = 65534


@pytest.fixture
def out_of_reach(tmp_path: Path) -> Iterator[Path]:
    """A file in a folder that this process may not look into; root becomes nobody for the time of the test."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "mailproc.toml").touch()
    folder.chmod(0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield folder / "mailproc.toml"
    finally:
        os.seteuid(before)
        folder.chmod(0o700)


@pytest.fixture(autouse=True)
def no_handler_left() -> Iterator[None]:
    """What a command logs to ends with its test."""
    before = list(logging.getLogger().handlers)
    yield
    for handler in [handler for handler in logging.getLogger().handlers if handler not in before]:
        logging.getLogger().removeHandler(handler)
        handler.close()


def test_a_configuration_that_may_not_be_seen_is_not_there(out_of_reach: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes past a folder that is closed to this user."""
    monkeypatch.setattr(loading, "SEARCHED", (out_of_reach,))
    assert find(None, {}) is None


def test_what_may_not_be_looked_into_is_no_bug_of_ours(out_of_reach: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A folder that is closed to this user costs one line and exit status 78."""
    assert mailproc.demo.play is not None and mailproc.cli.demo is not None  # imported before the rights were given up
    assert run(cli, ["demo", "--folder", str(out_of_reach)]) == os.EX_CONFIG
    written = capfd.readouterr().err
    assert str(out_of_reach.parent) in written and "bug" not in written and len(written.splitlines()) == 1
