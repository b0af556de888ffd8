"""Telling a database that failed from a statement that was wrong."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy.exc

from mailproc.errors import Away

# Appendix A of the PostgreSQL manual: not the statement's fault, and likely to be over when it is tried again.
_SQLSTATES = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "53100",  # disk_full
    "53300",  # too_many_connections
    "55P03",  # lock_not_available: waited for longer than lock_timeout
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "58030",  # io_error
}
_CONNECTION_EXCEPTION = "08"

# https://www.sqlite.org/rescode.html: primary result codes, the low byte of what sqlite3 reports.
_SQLITE_CODES = {
    5,  # SQLITE_BUSY
    8,  # SQLITE_READONLY: the file or its disk may not be written
    10,  # SQLITE_IOERR
    11,  # SQLITE_CORRUPT
    13,  # SQLITE_FULL
    14,  # SQLITE_CANTOPEN
    15,  # SQLITE_PROTOCOL: lost a race for the locks of the WAL
    26,  # SQLITE_NOTADB
}
_LOST_TRANSACTION = "8s2b"  # SQLAlchemy: the connection was invalidated, or a savepoint, and something went on using it


class DatabaseAway(Away):
    """The database cannot be reached, or failed under us."""


def database_failed(error: BaseException, *, connection_lost: bool = True) -> bool:
    """Whether ``error`` says that the database itself failed: whatever was being done is not to blame.

    It is asked of the error, of what caused it and of what was being handled when it was raised, unless that was set
    aside with ``from None``. Only what came through SQLAlchemy counts: a driver's bare error is of a connection that is
    not ours. A missing table, a broken constraint or a division by zero is the statement's own fault. Who knows that the
    connection was not lost says so: SQLAlchemy words a savepoint that is gone like a connection that is.
    """
    return any(_says_so(link, connection_lost) for link in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _says_so(error: BaseException, connection_lost: bool) -> bool:
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or _blames_the_database(error.orig)
    if isinstance(error, sqlalchemy.exc.PendingRollbackError):
        return connection_lost and error.code == _LOST_TRANSACTION
    return isinstance(error, DatabaseAway)


def _blames_the_database(driver_error: BaseException | None) -> bool:
    sqlstate = getattr(driver_error, "sqlstate", None) or ""
    sqlite_code = getattr(driver_error, "sqlite_errorcode", 0) & 0xFF
    return sqlstate in _SQLSTATES or sqlstate.startswith(_CONNECTION_EXCEPTION) or sqlite_code in _SQLITE_CODES


def one_line(error: BaseException) -> str:
    """The driver's own words in ``error``, as one line of at most 300 characters."""
    words = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig else error
    return " ".join(str(words).split())[:300]
