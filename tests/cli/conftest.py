"""The command line as it is called, with a configuration of its own and a real SQLite file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailproc.cli import cli
from mailproc.cli.running import run
from mailproc.testing.keys import SigningKey
from tests.cli.keys import Call, Generate, Import
from tests.cli_run.calling import Ended


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Call mailproc with these arguments in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MAILPROC_")]:
        monkeypatch.delenv(name)
    before = list(logging.getLogger().handlers)
    levels = {name: logging.getLogger(name).level for name in ("root", "mailproc", "mailproc.dialogue")}

    def called(*arguments: str) -> Ended:
        capsys.readouterr()
        status = run(cli, arguments)
        written = capsys.readouterr()
        return Ended(status, written.out, written.err)

    yield called
    for handler in [handler for handler in logging.getLogger().handlers if handler not in before]:
        logging.getLogger().removeHandler(handler)
        handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def site(call: Call) -> Call:
    """The same, after `mailproc init`."""
    assert call("init") == Ended(0, "", "")
    return call


@pytest.fixture
def generate() -> Iterator[Generate]:
    """Make keys that go when the test ends."""
    with ExitStack() as stack:
        yield lambda *arguments, **how: stack.enter_context(SigningKey.generate(*arguments, **how))


@pytest.fixture
def put(site: Call, tmp_path: Path) -> Import:
    """Have `mailproc key import` read certificates for a user, in a file each."""

    def imported(user: str, *certificates: bytes) -> Ended:
        files = []
        for number, certificate in enumerate(certificates):
            files.append(f"{user}{number}.gpg")
            (tmp_path / files[-1]).write_bytes(certificate)
        return site("key", "import", "--user", user, *files)

    for name in ("ann", "bob"):
        site("user", "add", name, "--email", f"{name}@example.org")
    return imported
