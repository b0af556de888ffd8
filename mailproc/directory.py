"""Who our users are and which OpenPGP keys are theirs, as values; the database answers with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailproc.address import Address


@dataclass(frozen=True, slots=True)
class User:
    """An account.

    An inactive user's mail is dropped in silence. ``require_strong`` says that this user's mail counts only when it is
    proven: a forged From address then does nothing.
    """

    name: str
    active: bool = True
    require_strong: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """An OpenPGP certificate (RFC 9580 section 10.1): a public key with what its owner says of it, checked by GnuPG.

    ``fingerprint`` is the primary key's, upper-case hex; ``names`` are all fingerprints and 16-digit key ids by which a
    signature may call it, those of the subkeys included. ``user_ids`` are those that its owner has signed, as written: fit for
    a database, not for a terminal. ``data`` is binary and holds public parts only.
    """

    fingerprint: str
    names: tuple[str, ...]
    user_ids: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A `Certificate` that an administrator registered for a user.

    ``fingerprint`` is the primary key's, in upper-case hex; ``user`` is the owner's name; ``certificate`` is binary and
    holds public parts only.
    """

    fingerprint: str
    user: str
    certificate: bytes


class Directory(Protocol):
    """What authentication asks of the register of users; each question is one look-up."""

    def user_of(self, address: Address) -> User | None:
        """The user to whom ``address`` belongs (compared as `Address.folded`), active or not; None when nobody's."""

    def keys_of(self, user: str) -> Sequence[RegisteredKey]:
        """All keys that are registered for the user of this name, also expired and revoked ones."""

    def keys_named(self, issuer: str) -> Sequence[RegisteredKey]:
        """The keys, of whichever users, that ``issuer`` names; usually none or one.

        ``issuer`` is a fingerprint or a 16-digit key id, in upper-case hex, of a primary key or of a subkey; two
        certificates may share a subkey, or by bad luck a key id.
        """
