"""The OpenPGP certificates of users, found by every name by which a signature may call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from mailproc.database import tables
from mailproc.database.upsert import insert
from mailproc.database.users import user_named
from mailproc.directory import Certificate, RegisteredKey
from mailproc.errors import MailprocError

_ROWS = 500  # fetched at once where a listing has no limit

_key, _name = tables.key.c, tables.key_name.c
_listed = sa.select(_key.fingerprint, _key.user_name, _key.expires_at, _key.revoked, _key.created_at)
_registered = sa.select(_key.fingerprint, _key.user_name, _key.certificate)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What a listing says of a key: all but the certificate. ``created_at`` is when it was first imported."""

    fingerprint: str
    user: str
    expires_at: datetime | None
    revoked: bool
    created_at: datetime


def import_key(conn: sa.Connection, user: str, certificate: Certificate, *, now: datetime | None = None) -> bool:
    """Register a certificate for a user, or put it in the place of an older copy; answers whether the key is a new one.

    Raises `MailprocError` when there is no such user, when the key is somebody else's, and when a revoked key would come back
    to life: a revocation is for ever (RFC 9580 section 5.2.1.11), so a file without it is an older copy.
    """
    if user_named(conn, user) is None:
        raise MailprocError(f"there is no user {user}; type: mailproc user list")
    fingerprint = certificate.fingerprint
    known = conn.execute(_listed.where(_key.fingerprint == fingerprint).with_for_update()).first()
    _refuse(known, user, certificate.revoked)
    facts = {"certificate": certificate.data, "expires_at": certificate.expires_at, "revoked": certificate.revoked}
    row = {"fingerprint": fingerprint, "user_name": user, "created_at": now or datetime.now(UTC), **facts}
    ours = tables.key.c.user_name == user  # still, should somebody else have imported it in this moment
    written = conn.execute(
        insert(conn, tables.key)
        .values(row)
        .on_conflict_do_update(index_elements=[_key.fingerprint], set_=facts, where=ours)
        .returning(_key.fingerprint)
    ).first()
    if written is None:
        raise MailprocError(f"the key {fingerprint} belongs to another user; type: mailproc key remove {fingerprint}")
    _rename(conn, fingerprint, certificate.names)
    return known is None


def _refuse(known: sa.Row[Any, Any, Any, Any, Any] | None, user: str, revoked: bool) -> None:
    if known is None:
        return
    if known.user_name != user:
        raise MailprocError(
            f"the key {known.fingerprint} belongs to the user {known.user_name}; type: mailproc key remove {known.fingerprint}"
        )
    if known.revoked and not revoked:
        raise MailprocError(f"the key {known.fingerprint} is revoked, and this is an older copy of it; leave it out")


def _rename(conn: sa.Connection, fingerprint: str, names: Iterable[str]) -> None:
    conn.execute(sa.delete(tables.key_name).where(_name.fingerprint == fingerprint))
    every = {fingerprint, *(name.upper() for name in names)}
    conn.execute(sa.insert(tables.key_name), [{"name": name, "fingerprint": fingerprint} for name in sorted(every)])


def list_keys(conn: sa.Connection, user: str | None = None, limit: int | None = None) -> Iterator[KeyEntry]:
    """All keys in order of their owners, or those of one user; read in pieces, so that memory stays flat."""
    query = _listed.order_by(_key.user_name, _key.fingerprint).limit(limit)
    if user is not None:
        query = query.where(_key.user_name == user)
    for row in conn.execute(query.execution_options(yield_per=_ROWS)):
        yield KeyEntry(*row)


def show_key(conn: sa.Connection, name: str) -> tuple[KeyEntry, list[str]]:
    """The one key that a fingerprint or key id names, with all its names; raises `MailprocError` when it is not exactly one."""
    fingerprint = _sole(conn, name)
    entry = KeyEntry(*conn.execute(_listed.where(_key.fingerprint == fingerprint)).one())
    names = conn.scalars(sa.select(_name.name).where(_name.fingerprint == fingerprint).order_by(_name.name))
    return entry, list(names)


def remove_key(conn: sa.Connection, name: str) -> str:
    """Remove the one key that a fingerprint or key id names; answers its fingerprint."""
    fingerprint = _sole(conn, name)
    conn.execute(sa.delete(tables.key).where(_key.fingerprint == fingerprint))
    return fingerprint


def _sole(conn: sa.Connection, name: str) -> str:
    typed = "".join(name.split()).upper().removeprefix("0X")  # as gpg prints it, in groups of four
    query = sa.select(_name.fingerprint).where(_name.name == typed).order_by(_name.fingerprint)
    found: Sequence[str] = conn.scalars(query).all()
    if len(found) == 1:
        return found[0]
    if found:
        raise MailprocError(f"{name} names several keys; use one of these fingerprints: {', '.join(found)}")
    raise MailprocError(f"there is no key {name}; type: mailproc key list")


def keys_of(conn: sa.Connection, user: str) -> list[RegisteredKey]:
    """All keys that are registered for the user of this name, also expired and revoked ones."""
    rows = conn.execute(_registered.where(_key.user_name == user).order_by(_key.fingerprint))
    return [RegisteredKey(*row) for row in rows]


def keys_named(conn: sa.Connection, issuer: str) -> list[RegisteredKey]:
    """The keys, of whichever users, that a fingerprint or key id in upper-case hex names."""
    named = _registered.join(tables.key_name, _name.fingerprint == _key.fingerprint).where(_name.name == issuer)
    return [RegisteredKey(*row) for row in conn.execute(named.order_by(_key.fingerprint))]
