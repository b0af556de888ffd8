"""A register of users in memory, and what tests ask of authentication."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailproc.address import Address
from mailproc.authenticate import Authenticated, authenticate
from mailproc.defaults import DEFAULT_TRUST
from mailproc.directory import RegisteredKey, User
from mailproc.openpgp import SignedPart, Verification
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.reading import read_header
from tests.lasting import certificate_in

MAIL = b"From: Ann <ann@example.org>\r\nTo: notes@example.net\r\nSubject: Greetings\r\n\r\nHello\r\n"
METHODS = DEFAULT_TRUST


@dataclass
class People:
    """A `Directory` that counts what it is asked."""

    users: dict[str, User] = field(default_factory=dict)
    keys: list[tuple[tuple[str, ...], RegisteredKey]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add(self, user: User, *addresses: str, keys: Sequence[bytes] = ()) -> None:
        """Register a user."""
        self.users.update(dict.fromkeys(addresses, user))
        for data in keys:
            read = certificate_in(data)
            self.keys.append((read.names, RegisteredKey(read.fingerprint, user.name, read.data)))

    def user_of(self, address: Address) -> User | None:
        """The user of an address."""
        self.asked.append(address.folded)
        return self.users.get(address.folded)

    def keys_of(self, user: str) -> list[RegisteredKey]:
        """A user's keys."""
        self.asked.append(user)
        return [key for _, key in self.keys if key.user == user]

    def keys_named(self, issuer: str) -> list[RegisteredKey]:
        """The keys of a name."""
        self.asked.append(issuer)
        return [key for names, key in self.keys if issuer in names]


@dataclass
class Telling:
    """A verifier that says what it is told to say, and notes what it was given."""

    says: Verification | None = None
    given: list[tuple[SignedPart, tuple[bytes, ...]]] = field(default_factory=list)

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Say it."""
        self.given.append((part, tuple(certificates)))
        assert self.says is not None, "nothing was to be verified"
        return self.says


def ask(raw: bytes, people: People, verifier: GnupgVerifier | Telling | None, **how: object) -> Authenticated:
    """Authenticate a mail that has just arrived, with all methods."""
    arguments = {"arrival": datetime.now(UTC), "trust": METHODS} | how
    return authenticate(raw, read_header(raw), directory=people, verifier=verifier, **arguments)
