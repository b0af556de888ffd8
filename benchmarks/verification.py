"""Does the check of a signature cost more where more keys are registered? 50 and 10,000 keys in one run, on one database file.

::

    python -m benchmarks.verification         # 200 signed mails for each number of keys and each verifier
    python -m benchmarks.verification 1000

The crowd of keys comes and goes in each round, so that both numbers meet the same machine in the same mood. The exit status
is 1 where 10,000 keys take more than 1.5 times as long as 50.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pysequoia
import sqlalchemy as sa

from mailproc.address import Address
from mailproc.authenticate import authenticate
from mailproc.database import tables
from mailproc.database.directory import DatabaseDirectory
from mailproc.database.engine import make_engine, writing
from mailproc.database.keys import import_key
from mailproc.database.migrations import upgrade
from mailproc.database.users import add_user
from mailproc.openpgp import Verifier
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from mailproc.openpgp.standing import read_certificates as read_keys
from mailproc.principal import Trust
from mailproc.reading import read_header
from mailproc.testing.keys import SigningKey, sign_mail

FEW, MANY = 50, 10_000
ROUNDS = 10
WORST = 1.5  # how much longer it may take with MANY keys

Rows = dict[sa.Table, list[dict[str, object]]]


def make_crowd(numbers: Iterable[int]) -> Rows:
    """The rows of users with these numbers, each with an address and a key with subkeys."""
    now = datetime.now(UTC)
    rows: Rows = {tables.user: [], tables.address: [], tables.key: [], tables.key_name: []}
    for index in numbers:
        name = f"user-{index}"
        certificate = bytes(pysequoia.Tsk.generate(f"{name}@example.org").extract_certificate())
        (read,) = read_keys(certificate)
        fingerprint = read.primary.fingerprint
        rows[tables.user].append({"name": name, "created_at": now})
        rows[tables.address].append({"address": f"{name}@example.org", "user_name": name})
        key = {"fingerprint": fingerprint, "user_name": name, "certificate": certificate, "created_at": now}
        rows[tables.key].append(key)
        names = [name for key in read.keys for name in key.names]
        rows[tables.key_name] += [{"name": each, "fingerprint": fingerprint} for each in names]
    return rows


def register(engine: sa.Engine, crowd: Rows) -> None:
    """Add the crowd to the database."""
    with writing(engine) as conn:
        for table, rows in crowd.items():
            conn.execute(sa.insert(table), rows)


def remove(engine: sa.Engine, crowd: Rows) -> None:
    """Take it out again, with addresses and keys."""
    with writing(engine) as conn:
        for row in crowd[tables.user]:
            conn.execute(sa.delete(tables.user).where(tables.user.c.name == row["name"]))


def measure(mails: Sequence[bytes], engine: sa.Engine, verifier: Verifier) -> list[float]:
    """How many milliseconds each mail takes until its sender is known."""
    directory, arrival, taken = DatabaseDirectory(engine), datetime.now(UTC), []
    for raw in mails:
        began = time.perf_counter()
        found = authenticate(
            raw, read_header(raw), arrival=arrival, trust=("openpgp", "from"), directory=directory, verifier=verifier
        )
        taken.append((time.perf_counter() - began) * 1000)
        if found.principal.trust is not Trust.STRONG:
            raise RuntimeError(f"{found.rule}: {found.reason}")
    return taken


def compare(engine: sa.Engine, mails: Sequence[bytes]) -> dict[tuple[str, int], list[float]]:
    """The milliseconds of each verifier with FEW and with MANY keys, by turns."""
    verifiers: dict[str, Verifier] = {"gnupg": GnupgVerifier(), "sequoia": SequoiaVerifier()}
    taken: dict[tuple[str, int], list[float]] = {(name, keys): [] for name in verifiers for keys in (FEW, MANY)}
    register(engine, make_crowd(range(1, FEW)))
    crowd = make_crowd(range(FEW, MANY))
    for start in range(ROUNDS):
        for keys in (FEW, MANY):
            if keys == MANY:
                register(engine, crowd)
            for name, verifier in verifiers.items():
                taken[name, keys] += measure(mails[start::ROUNDS], engine, verifier)
        remove(engine, crowd)
    return taken


def main(number: int) -> int:
    """Measure and print; 0 when neither verifier takes much longer with many keys."""
    with tempfile.TemporaryDirectory() as name, SigningKey.generate("Ann <ann@example.org>") as key:
        engine = make_engine(f"sqlite:///{Path(name) / 'mailproc.db'}")
        upgrade(engine, [])
        with writing(engine) as conn:
            add_user(conn, "ann", [Address("ann", "example.org")])
            import_key(conn, "ann", read_certificates(key.certificate)[0])
        texts = [b"From: ann@example.org\r\n\r\nMail %d\r\n" % index for index in range(number)]
        taken = compare(engine, [sign_mail(text, key) for text in texts])
        engine.dispose()
    worst = 0.0
    for verifier in ("gnupg", "sequoia"):
        few, many = (median(taken[verifier, keys]) for keys in (FEW, MANY))
        worst = max(worst, many / few)
        print(f"{verifier}: {FEW} keys {few:.2f} ms, {MANY} keys {many:.2f} ms, ratio {many / few:.2f} ({number} mails each)")
    return 0 if worst <= WORST else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
