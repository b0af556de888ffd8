"""Processing in this process, on both databases, with a maildrop in memory and a clock that obeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.maildrops.memory import MemoryDrop
from tests.installation import Installation, MaildirBox
from tests.servers.relay import RelayServer


@pytest.fixture
def installation(tmp_path: Path, database_url: str, relay: RelayServer) -> Iterator[Installation]:
    """An installation on each database in turn; its maildrop is given to it by the tests."""
    with Installation(tmp_path, database_url, MaildirBox(tmp_path / "Maildir"), relay=relay) as installation:
        yield installation


@pytest.fixture
def drop() -> MemoryDrop:
    """An empty maildrop."""
    return MemoryDrop("main")
