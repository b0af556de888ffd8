"""A schema to copy, and a pair of installations for each module: its clock goes on, so that stories do not mix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loops.pair import Pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Pair]:
    """Two installations that answer each other."""
    with Pair(tmp_path_factory.mktemp("pair"), sqlite_template) as pair:
        yield pair
