"""Real keys, made once for all tests here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from mailproc.openpgp import SignedPart, Verification, Verifier
from mailproc.openpgp.agreement import Both
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from mailproc.testing.keys import SigningKey
from tests.lasting import LastingKey


def _key(user_id: str, **how: object) -> Iterator[SigningKey]:
    with LastingKey.generate(user_id, **how) as key:
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
    with LastingKey.generate("Carol <carol@example.org>") as key:
        key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "0")
        yield key


@pytest.fixture(scope="session")
def expired() -> Iterator[SigningKey]:
    """A key that was made a year ago for one day."""
    yield from _key("Dan <dan@example.org>", expires="1d")


@dataclass(frozen=True)
class Each:
    """All verifiers at once: GnuPG, Sequoia, and both together as they are made of what these two have found.

    What one finds, the others must find: what is then asked of the answer is asked of each.
    """

    gnupg: Verifier
    sequoia: Verifier

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """What all of them find, in GnuPG's words."""
        first, second = (each.verify(part, certificates) for each in (self.gnupg, self.sequoia))
        both = Both(Found(first), Found(second)).verify(part, certificates)
        findings = {(found.finding, found.fingerprint, found.signed_at) for found in (first, second, both)}
        assert len(findings) == 1, (first, second, both)
        return first


@dataclass(frozen=True)
class Found:
    """A verifier that has been asked already."""

    answer: Verification

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """The answer."""
        return self.answer


@pytest.fixture(scope="session")
def verifier(request: pytest.FixtureRequest) -> Verifier:
    """Each verifier as it is used, all of them unless a test names one: what is true of one is true of all."""
    gnupg, sequoia = GnupgVerifier(), SequoiaVerifier()
    made = {"gnupg": gnupg, "sequoia": sequoia, "both": Both(gnupg, sequoia), "each": Each(gnupg, sequoia)}
    return made[getattr(request, "param", "each")]
