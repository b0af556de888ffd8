"""The servers and the databases that tests of several parts share; each test has a user, a database, a folder of its own."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import fresh_database
from tests.installation import Clock
from tests.servers.certificates import Authority, make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.oauth2 import TokenServer
from tests.servers.postgresql import PostgreSQL, postgresql
from tests.servers.relay import RelayServer

__all__ = ["postgresql"]


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One Dovecot for the session; every test takes a user of its own."""
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the servers of the session that have TLS."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """One OAuth 2.0 server for the session; tests take it as ``issuer``."""
    with TokenServer() as server:
        yield server


@pytest.fixture(scope="session")
def token_dovecot(token_server: TokenServer, authority: Authority) -> Iterator[Dovecot]:
    """A Dovecot that takes its tokens, with TLS for the name localhost."""
    with Dovecot(certificate=authority.issue("localhost"), introspection_url=token_server.introspection_url) as server:
        yield server


@pytest.fixture
def issuer(token_server: TokenServer) -> TokenServer:
    """The OAuth 2.0 server, which knows nobody yet and has given nothing."""
    token_server.reset()
    return token_server


@pytest.fixture
def user() -> str:
    """A user of Dovecot whom no other test knows."""
    return f"robot-{secrets.token_hex(6)}"


@pytest.fixture
def clock() -> Clock:
    """A clock that goes only when it is told to."""
    return Clock()


@pytest.fixture
def relay() -> Iterator[RelayServer]:
    """A relay of one's own."""
    with RelayServer() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema in it, to be copied."""
    file = tmp_path_factory.mktemp("template") / "mailproc.db"
    fresh_database(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL) -> str:
    """The name of a PostgreSQL database with the schema in it, to be copied."""
    url = fresh_database(postgresql.create_database())
    return str(sa.make_url(url).database)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite database with the schema in it."""
    file = tmp_path / "mailproc.db"
    shutil.copy(sqlite_template, file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL, postgresql_template: str) -> str:
    """The URL of a fresh PostgreSQL database with the schema in it."""
    return postgresql.create_database(postgresql_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database with the schema in it, on SQLite and on PostgreSQL in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))
