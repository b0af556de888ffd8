"""The cast with fresh keys, and what its authors have signed, once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.attacks import Attack, attacks
from tests.attacks.cast import Cast, assembled
from tests.attacks.letters import Signed, originals
from tests.attacks.valid import Valid, valid_mails


@pytest.fixture(scope="session")
def cast() -> Iterator[Cast]:
    """Everybody who plays."""
    with assembled() as cast:
        yield cast


@pytest.fixture(scope="session")
def known(cast: Cast) -> list[Signed]:
    """What the authors have signed."""
    return originals(cast)


@pytest.fixture(scope="session")
def attacking(known: list[Signed]) -> list[Attack]:
    """All attacks on it."""
    return attacks(known)


@pytest.fixture(scope="session")
def mails(cast: Cast) -> list[Valid]:
    """All valid mails."""
    return valid_mails(cast)
