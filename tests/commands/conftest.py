"""A house with two lamps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from mailproc.testing import PostOffice, SigningKey
from tests.commands.lamps import Base, House, Lamp
from tests.lasting import LastingKey


@pytest.fixture(scope="package")
def installation(ann_key: SigningKey, bob_key: SigningKey) -> Iterator[PostOffice]:
    """One for all tests, with the table of the lamps; Ann and Bob have keys."""
    with PostOffice(tables=Base.metadata) as office:
        office.user("ann", "ann@example.com", key=ann_key)
        office.user("bob", "bob@example.com", key=bob_key)
        yield office


@pytest.fixture
def session(installation: PostOffice) -> Iterator[Session]:
    """A session in which two lamps are; nothing of it stays."""
    with installation.session() as session:
        session.add_all([Lamp(name="hall"), Lamp(name="stairs")])
        session.flush()
        yield session
        session.rollback()


@pytest.fixture
def house(session: Session) -> House:
    """The house, whose commands have not been called."""
    return House(session)


@pytest.fixture(scope="package")
def ann_key() -> Iterator[SigningKey]:
    """The key that is registered for Ann."""
    with LastingKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture(scope="package")
def bob_key() -> Iterator[SigningKey]:
    """The key that is registered for Bob."""
    with LastingKey.generate("Bob <bob@example.com>") as key:
        yield key
