"""Whole installations with open doors, as processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.servers.relay import RelayServer


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, relay: RelayServer) -> Iterator[Installation]:
    """An installation without a maildrop."""
    with Installation(tmp_path, sqlite_url, relay=relay, limits={"message_time": "2 s"}) as installation:
        yield installation


@pytest.fixture
def on_each_database(tmp_path: Path, database_url: str, relay: RelayServer) -> Iterator[Installation]:
    """The same, on each database in turn."""
    with Installation(tmp_path, database_url, relay=relay) as installation:
        yield installation
