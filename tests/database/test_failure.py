"""What says that the database itself failed, tried with real failures of both."""

import contextlib
import subprocess
import sys
import threading

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.database.engine import create_database, database_failed, make_engine, writing
from mailproc.database.tables import address, tally, user
from mailproc.errors import Away, Rejected

ROW = {"name": "seen", "count": 1}


def raised_by(engine, statement):
    """What SQLAlchemy raises for this statement."""
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
        connection.exec_driver_sql(statement)
    return caught.value


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM nosuch",
        "SELEKT 1",
        "INSERT INTO mailproc_tally (name) VALUES ('a')",
        "INSERT INTO mailproc_address (address, user_name) VALUES ('a@example.org', 'nobody')",
    ],
)
def test_a_wrong_statement_is_not_the_databases_fault(engine, statement):
    """A missing table, a syntax error and broken constraints are bugs of whoever wrote the statement."""
    assert not database_failed(raised_by(engine, statement))


def test_a_division_by_zero_is_not_the_databases_fault(postgresql, postgresql_template):
    """SQLSTATE 22012 is a bug."""
    engine = make_engine(postgresql.create_database(postgresql_template))
    assert not database_failed(raised_by(engine, "SELECT 1/0"))
    engine.dispose()


def test_a_lost_connection_is(postgresql, postgresql_template):
    """A backend that the administrator ended, an error while it goes and every later use of it blame the database."""
    engine = make_engine(postgresql.create_database(postgresql_template))
    with engine.connect() as connection:
        connection.execute(tally.insert(), ROW)
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        postgresql.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(sa.exc.OperationalError) as first:
            connection.execute(sa.select(tally))
        with pytest.raises(sa.exc.PendingRollbackError) as later:
            connection.execute(sa.select(tally))
    assert database_failed(first.value)
    assert database_failed(later.value)
    engine.dispose()


def test_a_commit_that_finds_the_server_gone_is_away(postgresql, postgresql_template):
    """A connection that dies before its commit is reported as `Away` by ``writing``, and still blames the database."""
    engine = make_engine(postgresql.create_database(postgresql_template))
    with pytest.raises(Away) as caught, writing(engine) as connection:
        connection.execute(tally.insert(), ROW)
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        postgresql.execute(f"SELECT pg_terminate_backend({pid})")
    assert database_failed(caught.value)
    with engine.connect() as connection:
        assert connection.execute(sa.select(tally)).all() == []
    engine.dispose()


def test_a_serialization_failure_is(postgresql, postgresql_template):
    """SQLSTATE 40001: somebody else was faster, and trying again may do."""
    engine = make_engine(postgresql.create_database(postgresql_template)).execution_options(isolation_level="SERIALIZABLE")
    with engine.begin() as connection:
        connection.execute(tally.insert(), ROW)
    up = sa.update(tally).values(count=tally.c.count + 1)
    with engine.connect() as one, engine.connect() as other:
        one.execute(sa.select(tally)).all()
        other.execute(up)
        other.commit()
        with pytest.raises(sa.exc.OperationalError) as caught:
            one.execute(up)
    assert caught.value.orig.sqlstate == "40001"
    assert database_failed(caught.value)
    engine.dispose()


def test_a_deadlock_is(postgresql, postgresql_template):
    """SQLSTATE 40P01: one of two that wait for each other is told."""
    engine = make_engine(postgresql.create_database(postgresql_template))
    with engine.begin() as connection:
        connection.execute(tally.insert(), [{"name": "a", "count": 1}, {"name": "b", "count": 1}])
    both_have_one = threading.Barrier(2)
    errors = []

    def lock(first, second):
        with engine.connect() as connection:
            connection.execute(sa.update(tally).where(tally.c.name == first).values(count=2))
            both_have_one.wait()
            try:
                connection.execute(sa.update(tally).where(tally.c.name == second).values(count=2))
            except sa.exc.OperationalError as error:
                errors.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error.orig.sqlstate for error in errors] == ["40P01"]
    assert database_failed(errors[0])
    engine.dispose()


@pytest.fixture
def sqlite_file(tmp_path):
    """An SQLite file with one table."""
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    create_database(engine)
    with writing(engine) as connection:
        tally.create(connection)
        user.create(connection)
        address.create(connection)
    engine.dispose()
    return tmp_path / "a.db"


def test_a_second_writer_that_waited_in_vain_is_away(sqlite_file):
    """SQLITE_BUSY: a writer of another process holds the database for longer than we wait."""
    script = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1]); held.execute('BEGIN IMMEDIATE');"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, sqlite_file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        engine = make_engine(f"sqlite:///{sqlite_file}?timeout=0.1")
        with pytest.raises(Away, match="locked") as caught, writing(engine):
            pass
        assert database_failed(caught.value)
        holder.stdin.close()
    with writing(engine) as connection:
        connection.execute(tally.insert(), ROW)


def test_a_full_sqlite_is(sqlite_file):
    """SQLITE_FULL: no page is left."""
    engine = make_engine(f"sqlite:///{sqlite_file}")
    with pytest.raises(Away, match="full") as caught, writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.execute(tally.insert(), {"name": "x" * 100_000, "count": 1})
    assert database_failed(caught.value)


def test_a_full_sqlite_in_a_session_is(sqlite_file):
    """A failure in a handler's session blames the database too, though SQLite takes the savepoints away with it."""
    engine = make_engine(f"sqlite:///{sqlite_file}")
    with engine.connect() as connection, pytest.raises(Away, match="full") as caught:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
            session.execute(tally.insert(), {"name": "x" * 100_000, "count": 1})
    assert database_failed(caught.value)


def test_a_full_sqlite_that_was_ignored_commits_nothing_more(sqlite_file):
    """SQLite ended the transaction; who swallowed the error cannot write on, outside of it."""
    engine = make_engine(f"sqlite:///{sqlite_file}")
    with pytest.raises(Away, match="full"), writing(engine) as connection:
        connection.execute(tally.insert(), ROW)
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with contextlib.suppress(sa.exc.OperationalError):
            fill(connection)
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        connection.execute(tally.insert(), {"name": "later", "count": 1})
    with engine.connect() as connection:
        assert connection.execute(sa.select(tally)).all() == []


def test_an_error_made_of_a_failure_blames_the_database(sqlite_file):
    """A handler that wraps what the database raised does not make it a bug of its own, unless it says ``from None``."""
    engine = make_engine(f"sqlite:///{sqlite_file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        for raising, blamed in ((wrapping, True), (in_passing, True), (set_aside, False)):
            with pytest.raises((LookupError, Rejected)) as caught:
                raising(connection)
            assert database_failed(caught.value) is blamed
            connection.rollback()
            connection.exec_driver_sql("PRAGMA max_page_count = 1")


def fill(connection):
    """Write more than there is room for."""
    connection.execute(tally.insert(), {"name": "x" * 100_000, "count": 1})


def wrapping(connection):
    """Raise an error from the failure."""
    try:
        fill(connection)
    except sa.exc.OperationalError as error:
        raise LookupError("notebook") from error


def in_passing(connection):
    """Raise an error while the failure is handled."""
    try:
        fill(connection)
    except sa.exc.OperationalError:
        raise LookupError("notebook")  # noqa: B904


def set_aside(connection):
    """Raise an error and say that the failure does not matter."""
    try:
        fill(connection)
    except sa.exc.OperationalError:
        raise Rejected("notebook") from None


def test_another_connection_is_none_of_our_business():
    """A handler's own connection to something else that is away is the handler's error, and so is a relay that is away."""
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect("postgresql://127.0.0.1:1/x")
    assert not database_failed(caught.value)
    assert not database_failed(Away("the relay is away"))


def test_a_circle_of_causes_ends():
    """Errors that cause each other are asked once each."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert not database_failed(one)
