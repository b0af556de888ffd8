"""Every test that takes ``engine`` runs on SQLite and on PostgreSQL, each in a fresh database with the schema in it."""

import shutil

import pytest
import sqlalchemy as sa
from tests.servers.postgresql import PostgreSQL, postgresql

from mailproc.database.engine import make_engine
from mailproc.database.migrations import upgrade

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    """The kind of database."""
    return request.param


@pytest.fixture
def empty_url(kind, request, tmp_path):
    """The URL of a database with nothing in it; on SQLite not even the file exists."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return request.getfixturevalue("postgresql").create_database()


@pytest.fixture
def empty_engine(empty_url):
    """An engine for a database with nothing in it."""
    yield from _disposed(make_engine(empty_url))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """An SQLite file with the schema in it, to be copied."""
    file = tmp_path_factory.mktemp("template") / "mailproc.db"
    _upgraded(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL):
    """The name of a PostgreSQL database with the schema in it, to be copied."""
    url = postgresql.create_database()
    _upgraded(url)
    return sa.make_url(url).database


@pytest.fixture
def url(kind, request, tmp_path):
    """The URL of a database with the schema in it."""
    if kind == "postgresql":
        return request.getfixturevalue("postgresql").create_database(request.getfixturevalue("postgresql_template"))
    file = tmp_path / "mailproc.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@pytest.fixture
def engine(url):
    """An engine for a database with the schema in it."""
    yield from _disposed(make_engine(url))


def _upgraded(url):
    engine = make_engine(url)
    upgrade(engine, [])
    engine.dispose()


def _disposed(engine):
    yield engine
    engine.dispose()
