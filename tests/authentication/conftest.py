"""A small register of users, with real keys."""

from collections.abc import Iterator

import pytest
from people import People

from mailproc.directory import User
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.testing.keys import SigningKey
from tests.lasting import LastingKey


@pytest.fixture(scope="session")
def ann() -> Iterator[SigningKey]:
    """The key that is registered for Ann."""
    with LastingKey.generate("Ann <ann@example.org>") as key:
        yield key


@pytest.fixture(scope="session")
def bob() -> Iterator[SigningKey]:
    """The key that is registered for Bob; he signs with a subkey."""
    with LastingKey.generate("Bob <bob@example.org>") as key:
        key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0")
        yield key


@pytest.fixture(scope="session")
def stranger() -> Iterator[SigningKey]:
    """A key that is registered for nobody, although it bears Ann's name."""
    with LastingKey.generate("Ann <ann@example.org>") as key:
        yield key


@pytest.fixture(scope="session")
def verifier() -> GnupgVerifier:
    """The verifier as it is used."""
    return GnupgVerifier()


@pytest.fixture
def people(ann: SigningKey, bob: SigningKey) -> People:
    """Ann and Bob, Ivy who has left, and Sue who wants nothing to count that is not strong."""
    people = People()
    people.add(User("ann"), "ann@example.org", "ann@example.com", keys=[ann.certificate])
    people.add(User("bob"), "bob@example.org", keys=[bob.certificate])
    people.add(User("ivy", active=False), "ivy@example.org")
    people.add(User("sue", require_strong=True), "sue@example.org")
    return people
