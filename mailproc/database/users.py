"""Users and the addresses from which they may write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from mailproc.address import Address
from mailproc.database import tables
from mailproc.database.upsert import insert
from mailproc.directory import User
from mailproc.errors import MailprocError

_ROWS = 500  # fetched at once where a listing has no limit


@dataclass(frozen=True, slots=True)
class Account:
    """A user with the addresses that are known as theirs, in the form of `Address.folded`.

    ``keys`` is the number of their keys, ``good_keys`` of those that are neither revoked nor expired. ``password`` says
    whether they have one.
    """

    user: User
    addresses: tuple[str, ...]
    created_at: datetime
    keys: int = 0
    good_keys: int = 0
    password: bool = False


def add_user(
    conn: sa.Connection,
    name: str,
    addresses: Iterable[Address],
    *,
    active: bool = True,
    require_strong: bool = False,
    now: datetime | None = None,
) -> None:
    """Add a user with their addresses.

    Raises `MailprocError` when the name is empty or taken, or when an address is no address or somebody else's.
    """
    folded = dict.fromkeys(map(_checked, addresses))
    row = {"name": name, "active": active, "require_strong": require_strong, "created_at": now or datetime.now(UTC)}
    if not name.strip():
        raise MailprocError("a user needs a name; type: mailproc user add NAME --email ADDR")
    if not _inserted(conn, tables.user, row):
        raise MailprocError(f"there is already a user {name}; type: mailproc user list")
    for address in folded:
        if not _inserted(conn, tables.address, {"address": address, "user_name": name}):
            owner = conn.scalar(sa.select(tables.address.c.user_name).where(tables.address.c.address == address))
            raise MailprocError(f"the address {address} belongs to the user {owner}; no two may share one, so leave it out")


def _checked(address: Address) -> str:
    if not address.local or not address.domain:
        raise MailprocError(f"{address} is no address; write it like ann@example.org")
    return address.folded


def _inserted(conn: sa.Connection, table: sa.Table, row: dict[str, object]) -> bool:
    statement = insert(conn, table).values(row).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return conn.execute(statement).first() is not None


def set_active(conn: sa.Connection, name: str, active: bool) -> None:
    """Activate or deactivate a user; raises `MailprocError` when there is none of this name."""
    changed = conn.execute(sa.update(tables.user).where(tables.user.c.name == name).values(active=active))
    if changed.rowcount == 0:
        raise MailprocError(f"there is no user {name}; type: mailproc user list")


def list_users(conn: sa.Connection, limit: int | None = None, *, now: datetime | None = None) -> Iterator[Account]:
    """All users in order of their names, or the first ``limit``; read in pieces, so that memory stays flat.

    ``now`` tells which keys have expired; the present unless given.
    """
    chosen = sa.select(tables.user).order_by(tables.user.c.name).limit(limit).subquery()
    keys = _counted_keys(now or datetime.now(UTC))
    query = (
        sa.select(chosen, tables.address.c.address, keys.c.every, keys.c.good)
        .outerjoin_from(chosen, tables.address, tables.address.c.user_name == chosen.c.name)
        .outerjoin(keys, keys.c.user_name == chosen.c.name)
        .order_by(chosen.c.name, tables.address.c.address)
        .execution_options(yield_per=_ROWS)
    )
    for _, rows in groupby(conn.execute(query), key=lambda row: row.name):
        first, *others = rows
        addresses = tuple(row.address for row in (first, *others) if row.address is not None)
        has_password = first.password is not None
        yield Account(_user(first), addresses, first.created_at, first.every or 0, first.good or 0, has_password)


def _counted_keys(now: datetime) -> sa.Subquery:
    """How many keys each user has, and how many of them are good."""
    good = sa.func.sum(sa.case((is_good(now), 1), else_=0))
    owner = tables.key.c.user_name
    return sa.select(owner, sa.func.count().label("every"), good.label("good")).group_by(owner).subquery()


def is_good(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a key is neither revoked nor expired."""
    key = tables.key.c
    return sa.and_(~key.revoked, sa.or_(key.expires_at.is_(None), key.expires_at > now))


def user_of(conn: sa.Connection, address: Address) -> User | None:
    """The user to whom ``address`` belongs, active or not; None when nobody's. Any text may stand in the address."""
    if not storable(address.folded):
        return None
    query = sa.select(tables.user).join(tables.address).where(tables.address.c.address == address.folded)
    row = conn.execute(query).first()
    return None if row is None else _user(row)


def storable(text: str) -> bool:
    """Whether a database can hold this text at all: an address from a mail may be no Unicode, or hold a NUL."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def user_named(conn: sa.Connection, name: str) -> User | None:
    """The user of this name, or None."""
    row = conn.execute(sa.select(tables.user).where(tables.user.c.name == name)).first()
    return None if row is None else _user(row)


def _user(row: sa.Row[*tuple[Any, ...]]) -> User:
    return User(row.name, row.active, row.require_strong)
