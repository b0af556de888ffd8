"""The OpenPGP certificates of users, found by every name by which a signature may call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from mailproc.database import tables
from mailproc.database.upsert import insert
from mailproc.database.users import is_good, user_named
from mailproc.directory import Certificate, RegisteredKey
from mailproc.errors import MailprocError

WARN_BEFORE = timedelta(days=30)  # of a key's expiry: time for its owner to renew it
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

    def state(self, now: datetime) -> str:
        """``revoked``, ``expired``, ``expiring`` (within `WARN_BEFORE`) or ``good``."""
        if self.revoked:
            return "revoked"
        if self.expires_at is None or self.expires_at - now > WARN_BEFORE:
            return "good"
        return "expiring" if self.expires_at > now else "expired"

    def days_left(self, now: datetime) -> int | None:
        """Whole days until it expires, below 0 when it has; None when it never does."""
        return None if self.expires_at is None else (self.expires_at - now).days


def _in_its_place(registered: bytes, certificate: Certificate) -> Certificate | None:
    return certificate


def import_key(
    conn: sa.Connection,
    user: str,
    certificate: Certificate,
    *,
    merge: Callable[[bytes, Certificate], Certificate | None] = _in_its_place,
    now: datetime | None = None,
) -> bool:
    """Register a certificate for a user, or put it in the place of an older copy; answers whether the key is a new one.

    ``merge`` is given the registered copy, binary, and the certificate, and answers with what to keep of both, None where the
    certificate is the older copy. Unless given, the certificate is kept alone.

    Raises `MailprocError` when there is no such user, when the key is somebody else's, and when it is an older copy of what is
    registered: then a revoked key would come back to life, an extended one expire, or a new subkey be unknown again.
    """
    if user_named(conn, user) is None:
        raise MailprocError(f"there is no user {user}; type: mailproc user list")
    now = now or datetime.now(UTC)
    query = _listed.add_columns(_key.certificate).where(_key.fingerprint == certificate.fingerprint)
    row = conn.execute(query.with_for_update()).first()
    if row is None:
        _put(conn, user, certificate, now)
        return True
    *known, registered = row
    kept = merge(registered, certificate)
    names = _names_of(conn, certificate.fingerprint)
    _refuse(KeyEntry(*known), set(names), user, certificate, kept, now)
    if kept is not None:
        _put(conn, user, kept, now)
    return False


def _put(conn: sa.Connection, user: str, certificate: Certificate, now: datetime) -> None:
    fingerprint = certificate.fingerprint
    facts = {"certificate": certificate.data, "expires_at": certificate.expires_at, "revoked": certificate.revoked}
    values = {"fingerprint": fingerprint, "user_name": user, "created_at": now, **facts}
    ours = tables.key.c.user_name == user  # still, should somebody else have imported it in this moment
    written = conn.execute(
        insert(conn, tables.key)
        .values(values)
        .on_conflict_do_update(index_elements=[_key.fingerprint], set_=facts, where=ours)
        .returning(_key.fingerprint)
    ).first()
    if written is None:
        raise MailprocError(f"the key {fingerprint} belongs to another user; type: mailproc key remove {fingerprint}")
    _rename(conn, fingerprint, _called(certificate))


def _refuse(
    known: KeyEntry, names: set[str], user: str, certificate: Certificate, kept: Certificate | None, now: datetime
) -> None:
    fingerprint = known.fingerprint
    if known.user != user:
        raise MailprocError(f"the key {fingerprint} belongs to the user {known.user}; type: mailproc key remove {fingerprint}")
    if known.revoked and not certificate.revoked:  # a revocation is for ever (RFC 9580 section 5.2.1.11)
        raise MailprocError(f"the key {fingerprint} is revoked, and this is an older copy of it; leave it out")
    if certificate.revoked:
        return
    theirs = _called(certificate)
    if known.state(now) != "expired" and certificate.expires_at and certificate.expires_at < now:
        why = f"it expired on {certificate.expires_at:%Y-%m-%d}"
    elif theirs < names and (kept is None or not names <= _called(kept)):
        why = f"the subkey {max(names - theirs, key=len)} is not in it"
    elif kept is None:
        why = "it lacks what its owner has signed since"
    else:
        return
    raise MailprocError(
        f"this is an older copy of the key {fingerprint} than the one that is registered: {why}; "
        f"leave it out, or first type: mailproc key remove {fingerprint}"
    )


def _called(certificate: Certificate) -> set[str]:
    return {certificate.fingerprint, *(name.upper() for name in certificate.names)}


def _rename(conn: sa.Connection, fingerprint: str, names: Iterable[str]) -> None:
    conn.execute(sa.delete(tables.key_name).where(_name.fingerprint == fingerprint))
    conn.execute(sa.insert(tables.key_name), [{"name": name, "fingerprint": fingerprint} for name in sorted(names)])


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
    return entry, _names_of(conn, fingerprint)


def certificate_of(conn: sa.Connection, name: str) -> bytes:
    """The certificate, binary, of the one key that a fingerprint or key id names; raises `MailprocError` as `show_key` does."""
    certificate: bytes = conn.scalars(sa.select(_key.certificate).where(_key.fingerprint == _sole(conn, name))).one()
    return certificate


def _names_of(conn: sa.Connection, fingerprint: str) -> list[str]:
    return list(conn.scalars(sa.select(_name.name).where(_name.fingerprint == fingerprint).order_by(_name.name)))


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


def expiring_keys(conn: sa.Connection, now: datetime) -> list[KeyEntry]:
    """The keys of active users that have expired, or will within `WARN_BEFORE`, the most urgent first; no revoked ones."""
    query = _listed.join(tables.user).where(tables.user.c.active, ~_key.revoked, _key.expires_at <= now + WARN_BEFORE)
    return [KeyEntry(*row) for row in conn.execute(query.order_by(_key.expires_at, _key.fingerprint))]


def users_without_good_keys(conn: sa.Connection, now: datetime) -> list[str]:
    """The active users of whose keys each has expired or was revoked, so that their signed mail is rejected."""
    query = (
        sa.select(_key.user_name)
        .join(tables.user)
        .where(tables.user.c.active)
        .group_by(_key.user_name)
        .having(sa.func.max(sa.case((is_good(now), 1), else_=0)) == 0)
    )
    return list(conn.scalars(query.order_by(_key.user_name)))


def count_keys(conn: sa.Connection) -> tuple[int, int]:
    """How many keys there are, and how many of them are revoked."""
    revoked = sa.func.coalesce(sa.func.sum(sa.case((_key.revoked, 1), else_=0)), 0)
    every, gone = conn.execute(sa.select(sa.func.count(), revoked).select_from(tables.key)).one()
    return every, int(gone)
