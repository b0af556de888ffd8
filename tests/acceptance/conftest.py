"""Installations on a Maildir for mail as it comes, and a post office for signed mail; all keys are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.testing import PostOffice, SigningKey
from tests.installation import Installation, MaildirBox
from tests.lasting import LastingKey
from tests.servers.relay import RelayServer

OPEN = "guests.example.org"


@pytest.fixture(scope="session")
def ann_key() -> Iterator[SigningKey]:
    """The key that is registered for Ann."""
    with LastingKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture(scope="session")
def bob_key() -> Iterator[SigningKey]:
    """The key that is registered for Bob."""
    with LastingKey.generate("Bob <bob@example.com>") as key:
        yield key


@pytest.fixture(scope="session")
def strange_key() -> Iterator[SigningKey]:
    """A key that nobody has registered, although it bears Ann's name."""
    with LastingKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture(scope="session")
def expired_key() -> Iterator[SigningKey]:
    """A key that was made a year ago for one day."""
    with LastingKey.generate("Dan <dan@example.com>", expires="1d") as key:
        yield key


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation whose domain ``guests.example.org`` takes everybody's mail, up to 1 MiB of it."""
    relay = RelayServer()  # it is not started: what would be sent to it can be seen in the outbox
    with Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"), relay=relay) as house:
        bound = f'[domains."{OPEN}"]\nhandler = "tests.acceptance.handlers:open_house"\n'
        house.config.write_text(f'max_size = "1 MiB"\n{house.config.read_text()}{bound}')
        yield house


@pytest.fixture
def letters() -> list[Delivery]:
    """What the handler of the post office was given, in order."""
    return []


@pytest.fixture
def office(letters: list[Delivery], ann_key: SigningKey, bob_key: SigningKey, expired_key: SigningKey) -> Iterator[PostOffice]:
    """A post office whose handler takes everybody's mail; Ann, Bob and Dan are users, and Sue wants only proof to count."""

    @handler(requires=Trust.NONE)
    def desk(delivery: Delivery) -> Outcome:
        letters.append(delivery)
        return delivery.handled()

    with PostOffice() as office:
        office.bind("desk.example.org", desk)
        office.user("ann", "ann@example.com", key=ann_key)
        office.user("bob", "bob@example.com", key=bob_key)
        office.user("dan", "dan@example.com", key=expired_key)
        office.user("sue", "sue@example.com", require_strong=True)
        yield office
