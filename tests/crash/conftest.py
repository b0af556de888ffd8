"""Installations on a real Dovecot, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import DovecotBox, Installation
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer


@pytest.fixture
def box(dovecot: Dovecot, user: str) -> DovecotBox:
    """An INBOX of one's own."""
    return DovecotBox(dovecot, user)


@pytest.fixture
def installation(tmp_path: Path, database_url: str, box: DovecotBox, relay: RelayServer) -> Iterator[Installation]:
    """An installation on each database in turn, with a Dovecot and a relay."""
    with Installation(tmp_path, database_url, box, relay=relay) as installation:
        yield installation
