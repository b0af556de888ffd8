"""Installations for each test, and an MTA before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.pipe.mta import Make, Mta


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation without a maildrop and without a relay."""
    with Installation(tmp_path, sqlite_url) as installation:
        yield installation


@pytest.fixture
def mta(installation: Installation) -> Iterator[Mta]:
    """An MTA before it."""
    mta = Mta(installation)
    yield mta
    mta.close()


@pytest.fixture
def make(tmp_path: Path, sqlite_url: str) -> Iterator[Make]:
    """Make an installation with these keys, and an MTA before it."""
    made: list[Mta] = []

    def mta(top: str = "", **options: object) -> Mta:
        installation = Installation(tmp_path, sqlite_url, **options)  # type: ignore[arg-type]
        installation.config.write_text(top + installation.config.read_text())
        made.append(Mta(installation))
        return made[-1]

    yield mta
    for one in made:
        one.close()
        one.installation.close()
