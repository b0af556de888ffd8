"""Users and keys from files instead of the database: what ``inspect --users FILE --gnupghome DIR`` decides by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mailproc.address import Address
from mailproc.directory import Certificate, RegisteredKey, User
from mailproc.errors import SettingsError
from mailproc.inputfile import read_input
from mailproc.openpgp.home import public_keys


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What the file says of one address."""

    fingerprints: tuple[str, ...] = ()
    active: bool = True
    require_strong: bool = False


@dataclass(frozen=True, slots=True)
class UserFile:
    """A `Directory` of the users in a JSON file, ``{"ADDRESS": {"fingerprints": [...], "active": true}}``.

    Each address is a user of its own. A key that no user claims is registered with nobody.
    """

    users: Mapping[str, User]
    keys: Mapping[str, Sequence[RegisteredKey]]
    names: Mapping[str, Sequence[RegisteredKey]] = field(default_factory=dict)

    def user_of(self, address: Address) -> User | None:
        """The user of this address, or None."""
        return self.users.get(address.folded)

    def keys_of(self, user: str) -> Sequence[RegisteredKey]:
        """The keys that the file claims for this user, where the key ring has them."""
        return self.keys.get(user, ())

    def keys_named(self, issuer: str) -> Sequence[RegisteredKey]:
        """The claimed keys that a fingerprint or key id names."""
        return self.names.get(issuer, ())


def read_users(path: Path | None, gnupghome: Path | None) -> UserFile:
    """The users of a file and the keys of a GnuPG home, either of which may be missing.

    Raises `SettingsError` with the file and what is wrong with it.
    """
    entries = _entries(path) if path else {}
    certificates = {certificate.fingerprint: certificate for certificate in public_keys(gnupghome)} if gnupghome else {}
    keys = {address: _claimed(address, entry, certificates) for address, entry in entries.items()}
    names: dict[str, list[RegisteredKey]] = {}
    for claimed in keys.values():
        for key in claimed:
            for name in certificates[key.fingerprint].names:
                names.setdefault(name, []).append(key)
    users = {address: User(address, entry.active, entry.require_strong) for address, entry in entries.items()}
    return UserFile(users, keys, names)


def _entries(path: Path) -> dict[str, _Entry]:
    try:
        found = msgspec.json.decode(read_input(path), type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        raise SettingsError(f"{path}: {error}; write it like {json.dumps({'ann@example.com': {'fingerprints': []}})}") from None
    return {address.lower(): entry for address, entry in found.items()}


def _claimed(address: str, entry: _Entry, certificates: Mapping[str, Certificate]) -> list[RegisteredKey]:
    wanted = [fingerprint.replace(" ", "").upper() for fingerprint in entry.fingerprints]
    return [RegisteredKey(one, address, certificates[one].data) for one in wanted if one in certificates]
