"""What a verification costs does not grow with the number of registered keys: `benchmarks.verification` has the times."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pysequoia
import pytest
import sqlalchemy as sa

from mailproc.address import Address
from mailproc.authenticate import authenticate
from mailproc.database.directory import DatabaseDirectory
from mailproc.database.engine import make_engine, writing
from mailproc.database.keys import import_key
from mailproc.database.migrations import upgrade
from mailproc.database.users import add_user
from mailproc.openpgp import SignedPart, Verification, Verifier
from mailproc.openpgp.certificates import read_certificates
from mailproc.principal import Trust
from mailproc.reading import read_header
from mailproc.testing.keys import SigningKey, sign_mail


class Counting:
    """A verifier that notes how many certificates each question comes with."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.numbers: list[int] = []

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """What the verifier finds."""
        self.numbers.append(len(certificates))
        return self.verifier.verify(part, certificates)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database of today."""
    made = make_engine(f"sqlite:///{tmp_path / 'mailproc.db'}")
    upgrade(made, [])
    yield made
    made.dispose()


def register(engine: sa.Engine, name: str, certificate: bytes) -> None:
    """A user with an address and a key."""
    with writing(engine) as conn:
        add_user(conn, name, [Address(name, "example.org")])
        import_key(conn, name, read_certificates(certificate)[0])


def test_the_same_few_certificates(engine: sa.Engine, ann: SigningKey, bob: SigningKey, verifier: Verifier) -> None:
    """Ann's mail comes with her key, also with Bob's if he has signed it, and never with those of a hundred others."""
    register(engine, "ann", ann.certificate)
    register(engine, "bob", bob.certificate)
    mails = [sign_mail(b"From: ann@example.org\r\n\r\nHello\r\n", key) for key in (ann, bob)]
    counting, directory = Counting(verifier), DatabaseDirectory(engine)
    for crowd in (0, 100):
        for number in range(crowd):
            register(engine, f"user{number}", bytes(pysequoia.Tsk.generate(f"{number}").extract_certificate()))
        found = [
            authenticate(
                raw,
                read_header(raw),
                arrival=datetime.now(UTC),
                trust=("openpgp", "from"),
                directory=directory,
                verifier=counting,
            )
            for raw in mails
        ]
        assert [(each.principal.trust, each.rule) for each in found] == [
            (Trust.STRONG, "signature.good"),
            (Trust.WEAK, "signature.foreign-key"),
        ]
    assert counting.numbers == [1, 2, 1, 2]
