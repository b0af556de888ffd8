"""Who plays: users with keys of every kind, those whose keys are good for nothing, and Mallory, whom nobody has registered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailproc.address import Address
from mailproc.directory import RegisteredKey, User
from mailproc.openpgp.certificates import read_certificates
from mailproc.testing import SigningKey
from tests.attacks.signing import MADE, Secret, Subkey, certificate

DOMAIN = "example.org"
AUTHORS = ("ann", "bob", "carol")  # whose good signatures count


@dataclass(frozen=True)
class Cast:
    """The players at one time: their secret keys by name, and the register as `Directory` has it."""

    now: datetime
    secrets: dict[str, Secret]
    users: dict[str, User]
    keys: list[tuple[tuple[str, ...], RegisteredKey]]
    homes: dict[str, SigningKey]

    def user_of(self, address: Address) -> User | None:
        """The user of an address: the local part is the name."""
        return self.users.get(address.local.lower()) if address.domain == DOMAIN else None

    def keys_of(self, user: str) -> Sequence[RegisteredKey]:
        """A user's keys."""
        return [key for _, key in self.keys if key.user == user]

    def keys_named(self, issuer: str) -> Sequence[RegisteredKey]:
        """The keys of a name."""
        return [key for names, key in self.keys if issuer in names]

    def signs_with(self, user: str) -> Secret:
        """The key with which a user signs mail."""
        return self.secrets["carol.subkey" if user == "carol" else user]

    def _register(self, user: str, data: bytes) -> None:
        (read,) = read_certificates(data)
        self.keys.append((read.names, RegisteredKey(read.fingerprint, user, read.data)))


@contextmanager
def assembled() -> Iterator[Cast]:
    """The cast with fresh keys: those of the authors made by GnuPG, the odd ones by hand."""
    now = datetime.now(UTC).replace(microsecond=0)
    with ExitStack() as stack:
        ann, bob, carol = (
            stack.enter_context(SigningKey.generate(_name(user), algorithm=algorithm))
            for user, algorithm in (("ann", "ed25519"), ("bob", "rsa2048"), ("carol", "ed25519"))
        )
        carol.gpg(
            "--passphrase",
            "",
            "--quick-add-key",
            carol.fingerprint,
            "ed25519",
            "sign",
            "0",
            at=now - MADE + timedelta(minutes=1),
        )
        cast = Cast(now, {}, {}, [], {"ann": ann, "bob": bob, "carol": carol})
        _enter_authors(cast)
        _enter_odd_users(cast)
        yield cast


def _enter_authors(cast: Cast) -> None:
    for user, home in cast.homes.items():
        cast.users[user] = User(user)
        cast.secrets[user], *subkeys = Secret.all_of(home)
        cast.secrets.update({f"{user}.subkey": subkey for subkey in subkeys})
        cast._register(user, home.certificate)


def _enter_odd_users(cast: Cast) -> None:
    """Users whose keys do not count, or not for them; each name says below what is odd."""
    made, sets = cast.now - MADE, cast.secrets
    for name in ("dan", "rita", "nora", "zoe", "sid", "eve", "tom", "ivy", "mallory", "late", "gone", "other"):
        sets[name] = Secret.make(cast.now + timedelta(days=30) if name == "zoe" else made)
    day = timedelta(days=1)
    subkeys = (
        Subkey(sets["late"], back=sets["late"], expires=day),
        Subkey(sets["gone"], back=sets["gone"], revoked=True),
        Subkey(sets["other"], back=sets["other"], flags=0x0C),
    )
    stolen = (Subkey(sets["carol.subkey"]), Subkey(sets["ann"], back=sets["eve"]))
    certificates = {
        "dan": certificate(sets["dan"], _uid("dan"), at=made, expires=day),
        "rita": certificate(sets["rita"], _uid("rita"), at=made, revoked=True),
        "nora": certificate(sets["nora"], _uid("nora"), at=made, flags=0x01),
        "sid": certificate(sets["sid"], _uid("sid"), at=made, subkeys=subkeys),
        "eve": certificate(sets["eve"], _uid("eve"), at=made, subkeys=stolen),
        "tom": certificate(sets["tom"], _uid("ann"), at=made),
        "ivy": certificate(sets["ivy"], _uid("ivy"), at=made),
    }
    for user, data in certificates.items():
        cast.users[user] = User(user, active=user != "ivy")
        cast._register(user, data)
    _enter_tomorrows_user(cast, "zoe")


def _enter_tomorrows_user(cast: Cast, user: str) -> None:
    """A user whose key is not valid yet, which only a wrong clock lets anybody register."""
    key = cast.secrets[user]
    fingerprint = key.fingerprint.hex().upper()
    data = certificate(key, _uid(user), at=cast.now + timedelta(days=30))
    cast.users[user] = User(user)
    cast.keys.append(((fingerprint, fingerprint[-16:]), RegisteredKey(fingerprint, user, data)))


def _name(user: str) -> str:
    return f"{user.capitalize()} <{user}@{DOMAIN}>"


def _uid(user: str) -> bytes:
    return _name(user).encode()
