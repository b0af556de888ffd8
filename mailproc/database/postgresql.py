"""PostgreSQL, by psycopg 3: connections that give up in time, and refusals told apart."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from mailproc.database.failure import DatabaseAway, one_line
from mailproc.errors import LoginRefused, MailprocError, SettingsError

# libpq has no code for why a connection failed, only the server's words, here in English (lc_messages = C or en_*).
# In another language a refused login is told as a database that is away.
_LOGIN_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r'|role ".*" does not exist|role ".*" is not permitted to log in'
)
_NO_DATABASE = re.compile(r'database ".*" does not exist')

_DEFAULTS = {
    "connect_timeout": "10",
    # A process that has vanished may leave a transaction open on the server, and in it a lock that we would wait for.
    "options": "-c lock_timeout=30s",
    "application_name": "mailproc",
    # A server that vanished without a word is noticed after about a minute, not after the kernel's two hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


def url_with_defaults(url: sa.URL) -> sa.URL:
    """The URL with the time limits and the name that it does not give itself."""
    return url.update_query_dict({name: value for name, value in _DEFAULTS.items() if name not in url.query})


def listen(engine: sa.Engine) -> None:
    """Have every connection of ``engine`` opened with errors of ours, and refused when its database is not in UTF-8."""
    sa.event.listen(engine, "do_connect", _connect)


def _connect(dialect: sa.Dialect, record: Any, arguments: Any, options: dict[str, Any]) -> Any:
    try:
        connection = dialect.connect(*arguments, **options)
    except dialect.loaded_dbapi.Error as error:
        raise _refusal(error, options) from error
    _refuse_encoding(connection)
    return connection


def _refuse_encoding(connection: Any) -> None:
    """Raise `SettingsError` for a database that cannot hold every character: a mail may bring any."""
    encoding = connection.info.parameter_status("server_encoding")  # no query: with SQL_ASCII the driver answers bytes to one
    if encoding not in (None, "UTF8"):
        name = connection.info.dbname
        connection.close()
        raise SettingsError(f"database {name}: its encoding is {encoding}; create it with ENCODING 'UTF8'")


def _refusal(error: BaseException, options: dict[str, Any]) -> MailprocError:
    text = one_line(error)  # libpq names hosts, roles and options, and never a password
    if _LOGIN_REFUSED.search(text):
        return LoginRefused(f"database: {text}; give the right user and password in its URL or ~/.pgpass")
    if _NO_DATABASE.search(text):
        return SettingsError(f"database: {text}; type: createdb {options.get('dbname')}")
    if type(error).__name__ == "ProgrammingError":  # libpq could not read the options
        return SettingsError(f"database: {text}; mend the options of its URL")
    return DatabaseAway(f"database: {text}")
