"""Doors without sockets: what processing makes of mail for which a client waits, and of mail that a door has taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.servers.relay import RelayServer


@pytest.fixture
def installation(tmp_path: Path, database_url: str, relay: RelayServer) -> Iterator[Installation]:
    """An installation without a maildrop, on each database in turn."""
    with Installation(tmp_path, database_url, relay=relay) as installation:
        yield installation
