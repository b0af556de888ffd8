"""Every test that takes ``engine`` runs on SQLite and on PostgreSQL, each in a fresh database with the schema in it."""

import pytest

from mailproc.database.engine import make_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    """The kind of database."""
    return request.param


@pytest.fixture
def url(kind, request):
    """The URL of a database with the schema in it."""
    return request.getfixturevalue(f"{kind}_url")


@pytest.fixture
def engine(url):
    """An engine for a database with the schema in it."""
    yield from _disposed(make_engine(url))


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


def _disposed(engine):
    yield engine
    engine.dispose()
