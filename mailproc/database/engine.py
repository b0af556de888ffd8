"""The way into the database; nobody else calls ``create_engine``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc

from mailproc.database import postgresql, sqlite
from mailproc.database.failure import DatabaseAway, database_failed, one_line
from mailproc.errors import MissingProgram, SettingsError

__all__ = ["DatabaseAway", "create_database", "database_failed", "make_engine", "reading", "writing"]

_WANTED = "use sqlite:///FILE or postgresql://USER@HOST/NAME"

_READING: dict[str, dict[str, Any]] = {
    "sqlite": {"mailproc_reading": True},
    # One snapshot for all statements of a reader, as SQLite gives it: else `status` could not balance during a run.
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def make_engine(url: str) -> sa.Engine:
    """The engine for a database URL, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``; nothing is opened yet.

    Raises `SettingsError` for a URL that is no such thing and `MissingProgram` without the PostgreSQL driver. Connections
    raise `Away` when the database cannot be reached, `LoginRefused`, or `SettingsError` when there is no such database.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(sqlite.url_with_defaults(parsed))
        sqlite.listen(engine)
        return engine
    try:
        # A worker lives for days: a connection that died while it lay in the pool is replaced, not reported.
        engine = sa.create_engine(postgresql.url_with_defaults(parsed), pool_pre_ping=True)
    except ImportError as error:
        raise MissingProgram("database: PostgreSQL needs psycopg; type: pip install 'psycopg[binary]>=3.3'") from error
    postgresql.listen(engine)
    return engine


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise SettingsError(f"database: this is not a database URL; {_WANTED}") from None  # the error quotes the password
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"):
        raise SettingsError(f"database: no driver for {parsed.drivername}:; {_WANTED}")
    if "@" in (parsed.host or ""):  # else the rest of the password would be shown as a host that does not resolve
        raise SettingsError(f"database: write an @ in the password as %40; {_WANTED}")
    return parsed


def create_database(engine: sa.Engine) -> None:
    """Create an SQLite file (0600) and its folder (0700) where they are missing; a PostgreSQL database is its server's."""
    path = sqlite.file_of(engine.url) if engine.dialect.name == "sqlite" else None
    if path is not None:
        sqlite.create_file(path)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction that only reads: one snapshot, and it neither waits for a writer nor makes one wait.

    Raises `Away` when the database fails.
    """
    options = _READING[engine.dialect.name]
    with _failure_is_away(engine), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction that writes: committed at the end, rolled back when an exception leaves the block.

    Raises `Away` when the database fails, `database_failed` says so of it too; on SQLite one writer waits for another,
    for up to 10 s.
    """
    with _failure_is_away(engine), engine.begin() as connection:
        yield connection


@contextmanager
def _failure_is_away(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        if not database_failed(error):
            raise
        raise DatabaseAway(f"database {place_of(engine.url)}: {one_line(error)}") from error


def place_of(url: sa.URL) -> str:
    """Where the database is, without names of users, passwords and options."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"
