"""SQLite: transactions begun by us, and a file that only its user can read.

The driver begins a transaction only before it sees an INSERT, and none for a SAVEPOINT: a row written in a released
savepoint would then survive the rollback of the transaction around it. So the driver is told to begin nothing, and
every transaction starts with a BEGIN of ours.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc

from mailproc.database.failure import DatabaseAway, one_line
from mailproc.errors import SettingsError

BUSY_SECONDS = "10"  # a chunk is committed after about a second: who waits longer waits for something broken
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer, nor the writer for them
    "PRAGMA synchronous = FULL",  # mail is deleted on the strength of a commit, and WAL with NORMAL may lose the last ones
    "PRAGMA foreign_keys = ON",
)
_FILE = "mailproc_file"
_ENDED_BY = "mailproc_transaction_ended_by"


def url_with_defaults(url: sa.URL) -> sa.URL:
    """The URL with the time that a writer waits for another one, unless it says so itself (``?timeout=SECONDS``)."""
    return url if "timeout" in url.query else url.update_query_dict({"timeout": BUSY_SECONDS})


def listen(engine: sa.Engine) -> None:
    """Have every connection of ``engine`` opened and every transaction begun in the way this module says."""
    sa.event.listen(engine, "do_connect", _connect)
    sa.event.listen(engine, "checkout", _refuse_what_was_replaced)
    sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "handle_error", _note_what_ended_it)
    sa.event.listen(engine, "before_cursor_execute", _refuse_outside_a_transaction)


def file_of(url: sa.URL) -> Path | None:
    """The database file, None for a database in memory."""
    return Path(url.database) if url.database and url.database != ":memory:" else None


def create_file(path: Path) -> None:
    """Create the database file (0600) and its folder (0700) where they are missing.

    Raises `SettingsError` when that is not possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise SettingsError(f"database: cannot create {path}: {error.strerror}; name a file in a folder of yours") from error


def _connect(dialect: sa.Dialect, record: Any, arguments: Any, options: Any) -> Any:
    path = arguments[0]
    if path != ":memory:" and not Path(path).exists():  # SQLite would make an empty one, readable by the world
        raise SettingsError(f"database: there is no file {path}; type: mailproc db upgrade")
    record.info[_FILE] = path, _identity(path)
    try:
        connection = dialect.connect(*arguments, **options)
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise SettingsError(f"database: {path} is not an SQLite database; name another file") from error
        raise DatabaseAway(f"database {path}: {one_line(error)}") from error
    return connection


def _refuse_what_was_replaced(connection: Any, record: Any, proxy: Any) -> None:
    # Else we would go on, and say 250, into a file that nobody will ever open again: our own is the last one that has it.
    path, opened = record.info[_FILE]
    if _identity(path) != opened:
        raise sqlalchemy.exc.DisconnectionError("the database file is not the one that was opened")


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another one that has its name; None for none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin(connection: sa.Connection) -> None:
    connection.info.pop(_ENDED_BY, None)
    only_reads = connection.get_execution_options().get("mailproc_reading")
    # IMMEDIATE: two that begin by reading and then write would block each other for good, whatever the timeout.
    connection.exec_driver_sql("BEGIN DEFERRED" if only_reads else "BEGIN IMMEDIATE")


def _note_what_ended_it(context: sa.engine.ExceptionContext) -> None:
    # SQLite rolls the whole transaction back by itself after some errors (https://www.sqlite.org/lang_transaction.html, 3).
    # Our own refusal below comes by here too; what it refuses was ended by a statement and not by an error.
    error = context.original_exception
    if context.connection is not None and isinstance(error, sqlite3.Error) and not _in_transaction(context.connection):
        context.connection.info.setdefault(_ENDED_BY, error)


def _refuse_outside_a_transaction(
    connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    # Whoever goes on after that, or after a COMMIT in a handler's own SQL, would commit statement by statement.
    if _in_transaction(connection) or statement.startswith("BEGIN"):
        return
    failure = connection.info.get(_ENDED_BY)
    if failure is not None:
        raise DatabaseAway(f"database: the transaction was ended by: {one_line(failure)}") from failure
    raise sqlalchemy.exc.InvalidRequestError("the transaction was ended by an earlier statement, not by mailproc")


def _in_transaction(connection: sa.Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)
