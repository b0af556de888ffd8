"""Real keys, made once for all tests here."""

from collections.abc import Iterator

import pytest

from mailproc.openpgp import Verifier
from mailproc.openpgp.agreement import Both
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from mailproc.testing.keys import SigningKey


def _key(user_id: str, **how: object) -> Iterator[SigningKey]:
    with SigningKey.generate(user_id, **how) as key:
        yield key


@pytest.fixture(scope="session")
def ann() -> Iterator[SigningKey]:
    """Ann's key, ed25519."""
    yield from _key("Ann <ann@example.org>")


@pytest.fixture(scope="session")
def bob() -> Iterator[SigningKey]:
    """Bob's key, RSA, which can be made to sign with any digest."""
    yield from _key("Bob <bob@example.org>", algorithm="rsa2048")


@pytest.fixture(scope="session")
def with_subkey() -> Iterator[SigningKey]:
    """A key that signs with a subkey."""
    with SigningKey.generate("Carol <carol@example.org>") as key:
        key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0")
        yield key


@pytest.fixture(scope="session")
def expired() -> Iterator[SigningKey]:
    """A key that was made a year ago for one day."""
    yield from _key("Dan <dan@example.org>", expires="1d")


@pytest.fixture(scope="session", params=["gnupg", "sequoia", "both"])
def verifier(request: pytest.FixtureRequest) -> Verifier:
    """Each verifier as it is used: what is true of one is true of all."""
    made = {"gnupg": GnupgVerifier, "sequoia": SequoiaVerifier, "both": lambda: Both(GnupgVerifier(), SequoiaVerifier())}
    return made[request.param]()
