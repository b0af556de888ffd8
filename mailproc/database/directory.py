"""The register of users, as authentication asks for it, answered from the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import sqlalchemy as sa

from mailproc.address import Address
from mailproc.database import keys, users
from mailproc.database.engine import reading
from mailproc.directory import RegisteredKey, User


@dataclass(frozen=True, slots=True)
class DatabaseDirectory:
    """A `mailproc.directory.Directory`: each question is one indexed look-up, however many users and keys there are.

    ``source`` is an engine, and then every question reads in a transaction of its own and may be asked by any thread, or a
    connection, and then it is asked there. Raises `Away` when the database fails: that nobody answered is never "unknown".
    """

    source: sa.Engine | sa.Connection

    def user_of(self, address: Address) -> User | None:
        """The user to whom ``address`` belongs, active or not; None when nobody's."""
        with self._reading() as conn:
            return users.user_of(conn, address)

    def keys_of(self, user: str) -> Sequence[RegisteredKey]:
        """All keys that are registered for the user of this name, also expired and revoked ones."""
        with self._reading() as conn:
            return keys.keys_of(conn, user)

    def keys_named(self, issuer: str) -> Sequence[RegisteredKey]:
        """The keys, of whichever users, that a fingerprint or key id in upper-case hex names."""
        with self._reading() as conn:
            return keys.keys_named(conn, issuer)

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        return nullcontext(self.source) if isinstance(self.source, sa.Connection) else reading(self.source)
