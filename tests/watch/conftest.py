"""Installations that are watched, and the service manager that hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Box, Installation, MaildirBox
from tests.servers.dovecot import Dovecot
from tests.watch.watching import Systemd, Watched

Make = Callable[..., Installation]
Watch = Callable[..., Watched]


@pytest.fixture(scope="module")
def poor_dovecot() -> Iterator[Dovecot]:
    """A Dovecot without IDLE."""
    with Dovecot(capability="IMAP4rev1 LITERAL+ UIDPLUS UNSELECT") as server:
        yield server


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    """The service manager of every process that the test starts."""
    with Systemd() as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        yield manager


@pytest.fixture
def make(tmp_path: Path, sqlite_url: str) -> Iterator[Make]:
    """Make an installation with these maildrops, one Maildir unless said otherwise."""
    with ExitStack() as stack:

        def installation(*boxes: Box, **options: Any) -> Installation:
            boxes = boxes or (MaildirBox(tmp_path / "Maildir"),)
            return stack.enter_context(Installation(tmp_path, sqlite_url, *boxes, **options))

        yield installation


@pytest.fixture
def watch(systemd: Systemd) -> Iterator[Watch]:
    """Watch an installation, with these arguments on the command line; at the end of the test the watch is told to stop."""
    with ExitStack() as stack:
        yield lambda installation, *arguments: stack.enter_context(Watched(installation, systemd, *arguments))
