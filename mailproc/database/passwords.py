"""The passwords with which users log in at a door, kept as scrypt makes them (RFC 7914).

What is stored is one text with all its parameters, ``$scrypt$ln=14,r=8,p=5$SALT$HASH``, so that they can be raised one day
and those of before still fit.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa

from mailproc.database import tables
from mailproc.database.users import storable
from mailproc.errors import MailprocError

SHORTEST = 8  # characters (NIST SP 800-63B section 5.1.1.2)
_LONGEST = 1024  # octets; nobody may have us compute over megabytes

_LOG_COST, _BLOCK, _PARALLEL = 14, 8, 5  # 16 MiB, and some 0.2 s on a machine of our days
_SALT = 16
_MEMORY = 64 * 1024 * 1024
_STORED = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")


@dataclass(frozen=True, slots=True)
class _Hash:
    """What is stored of a password."""

    log_cost: int
    block: int
    parallel: int
    salt: bytes
    key: bytes

    def __str__(self) -> str:
        return f"$scrypt$ln={self.log_cost},r={self.block},p={self.parallel}${_base64(self.salt)}${_base64(self.key)}"

    def fits(self, password: bytes) -> bool:
        """Whether it was made from this password; the time that it takes says nothing of how near it was."""
        cost, block, parallel = 1 << self.log_cost, self.block, self.parallel
        found = hashlib.scrypt(password, salt=self.salt, n=cost, r=block, p=parallel, maxmem=_MEMORY, dklen=len(self.key))
        return hmac.compare_digest(found, self.key)


_NOBODYS = _Hash(_LOG_COST, _BLOCK, _PARALLEL, bytes(_SALT), bytes(32))


def set_password(conn: sa.Connection, name: str, password: str | None) -> None:
    """Give a user a password, or take it away with None: without one nobody logs in under this name.

    Raises `MailprocError` when there is no such user, and for a password that is shorter than 8 characters, longer than 1,024
    octets, or has control characters, which no client can send.
    """
    stored = None if password is None else str(_made(_checked(password)))
    changed = conn.execute(sa.update(tables.user).where(tables.user.c.name == name).values(password=stored))
    if changed.rowcount == 0:
        raise MailprocError(f"there is no user {name}; type: mailproc user list")


def password_fits(conn: sa.Connection, name: str, password: str) -> bool:
    """Whether this is the password of an active user.

    False takes as long for a name that there is not as for one that there is. Some 0.2 s of computing: call it in a thread.
    """
    given = _octets(password)
    if given is None:
        return False
    stored = _stored(conn, name)
    fits = (stored or _NOBODYS).fits(given)
    return fits and stored is not None


def _stored(conn: sa.Connection, name: str) -> _Hash | None:
    if not storable(name):
        return None
    query = sa.select(tables.user.c.password).where(tables.user.c.name == name, tables.user.c.active)
    found = _STORED.fullmatch(conn.scalar(query) or "")
    if found is None:
        return None
    log_cost, block, parallel = map(int, found.groups()[:3])
    salt, key = (base64.b64decode(text + "=" * (-len(text) % 4)) for text in found.groups()[3:])
    return _Hash(log_cost, block, parallel, salt, key)


def _made(password: bytes) -> _Hash:
    salt = secrets.token_bytes(_SALT)
    key = hashlib.scrypt(password, salt=salt, n=1 << _LOG_COST, r=_BLOCK, p=_PARALLEL, maxmem=_MEMORY, dklen=32)
    return _Hash(_LOG_COST, _BLOCK, _PARALLEL, salt, key)


def _checked(password: str) -> bytes:
    if len(password) < SHORTEST:
        raise MailprocError(f"a password has at least {SHORTEST} characters; give a longer one")
    if not password.isprintable():
        raise MailprocError("a password has no control characters; give another one")
    octets = _octets(password)
    if octets is None:
        raise MailprocError(f"a password has at most {_LONGEST:,} octets; give a shorter one")
    return octets


def _octets(password: str) -> bytes | None:
    """A password as its octets, the same however a client composes its letters (RFC 8265 section 4.2); None for none.

    To scrypt a password and one with NULs behind it are the same (RFC 2104 pads a key), so that none may hold a control.
    """
    if len(password) > _LONGEST or not password.isprintable():
        return None
    octets = unicodedata.normalize("NFC", password).encode()
    return octets if len(octets) <= _LONGEST else None


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii").rstrip("=")
