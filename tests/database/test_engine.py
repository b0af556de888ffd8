"""The engine: transactions begin when we say, savepoints do not leak, and refusals are told apart."""

import sys
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.database.engine import create_database, make_engine, place_of, reading, writing
from mailproc.database.tables import tally
from mailproc.errors import Away, LoginRefused, MissingProgram, SettingsError

ROW = {"name": "seen", "count": 1}


def counted(engine):
    """How many rows there are, as somebody else sees it."""
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(tally))


def test_a_row_of_a_released_savepoint_goes_with_the_outer_rollback(engine):
    """What was written in a released savepoint does not survive the rollback of the transaction around it."""
    with engine.connect() as connection:
        outer = connection.begin()
        with connection.begin_nested():
            connection.execute(tally.insert(), ROW)
        outer.rollback()
    assert counted(engine) == 0


def test_a_session_that_committed_goes_with_the_outer_rollback(engine):
    """A handler's own commit() ends only its savepoint."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
            session.execute(tally.insert(), ROW)
            session.commit()
        outer.rollback()
    assert counted(engine) == 0


def test_a_savepoint_of_ours_takes_back_what_a_session_committed(engine):
    """One message of a chunk is rolled back with all that its handler committed, and its neighbour stays."""
    with writing(engine) as connection:
        connection.execute(tally.insert(), {"name": "neighbour", "count": 1})
        ours = connection.begin_nested()
        with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
            session.execute(tally.insert(), ROW)
            session.commit()
        ours.rollback()
    with reading(engine) as connection:
        assert connection.scalars(sa.select(tally.c.name)).all() == ["neighbour"]


def test_a_session_that_rolled_back_leaves_the_rest(engine):
    """A handler's own rollback() ends only its savepoint."""
    with writing(engine) as connection:
        connection.execute(tally.insert(), {"name": "neighbour", "count": 1})
        with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
            session.execute(tally.insert(), ROW)
            session.rollback()
    with reading(engine) as connection:
        assert connection.scalars(sa.select(tally.c.name)).all() == ["neighbour"]


def test_an_exception_rolls_back(engine):
    """Nothing of a block that an exception left is kept."""
    with pytest.raises(ValueError, match="no"), writing(engine) as connection:
        connection.execute(tally.insert(), ROW)
        raise ValueError("no")
    assert counted(engine) == 0


def test_a_reader_does_not_wait_for_an_open_writer(engine):
    """A reader answers while a transaction that wrote is open, and sees nothing of it."""
    with writing(engine) as connection:
        connection.execute(tally.insert(), ROW)
        assert counted(engine) == 0
    assert counted(engine) == 1


def test_a_writer_does_not_wait_for_an_open_reader(engine):
    """A run commits while somebody is reading, and the reader goes on seeing what it saw first."""
    query = sa.select(sa.func.count()).select_from(tally)
    with reading(engine) as reader:
        assert reader.scalar(query) == 0
        with writing(engine) as connection:
            connection.execute(tally.insert(), ROW)
        assert reader.scalar(query) == 0
    assert counted(engine) == 1


def test_writers_wait_for_each_other(engine):
    """Twenty read-then-write transactions in each of four threads all count."""
    with writing(engine) as connection:
        connection.execute(tally.insert(), ROW)

    def count_up():
        for _ in range(20):
            with writing(engine) as connection:
                connection.execute(sa.update(tally).values(count=tally.c.count + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.scalar(sa.select(tally.c.count)) == 81


def test_a_reader_cannot_write_on_postgresql(postgresql, postgresql_template):
    """The transaction of a reader is read-only, so that a write in it is found by the tests."""
    engine = make_engine(postgresql.create_database(postgresql_template))
    with pytest.raises(sa.exc.InternalError, match="read-only"), reading(engine) as connection:
        connection.execute(tally.insert(), ROW)
    engine.dispose()


@pytest.mark.parametrize("by_hand", ["ROLLBACK", "COMMIT"])
def test_sqlite_without_its_transaction_takes_no_statement(tmp_path, by_hand):
    """After somebody ended the transaction by hand nothing more is written, which would commit by itself."""
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    create_database(engine)
    with writing(engine) as connection:
        tally.create(connection)
    with pytest.raises(sa.exc.InvalidRequestError, match="ended by an earlier statement"), writing(engine) as connection:
        connection.exec_driver_sql(by_hand)
        connection.execute(tally.insert(), ROW)
    assert counted(engine) == 0


def test_sqlite_is_durable_and_keeps_its_promises(tmp_path):
    """Every connection has the write-ahead log, full synchronisation and foreign keys."""
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    create_database(engine)
    with reading(engine) as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
    assert answers == ["wal", 2, 1]


def test_sqlite_files_belong_to_one_user(tmp_path):
    """The database, its log and its index are 0600 in a folder that is 0700."""
    engine = make_engine(f"sqlite:///{tmp_path}/new/a.db")
    create_database(engine)
    with writing(engine) as connection:
        tally.create(connection)
        modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()}
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("path", ["missing.db", "missing/folder/a.db"])
def test_sqlite_is_not_created_by_looking_at_it(tmp_path, path):
    """A database that is not there is the operator's to create, and stays missing."""
    with (
        pytest.raises(SettingsError, match=r"; type: mailproc db upgrade$"),
        reading(make_engine(f"sqlite:///{tmp_path}/{path}")),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_database_file_that_was_replaced_is_not_written_to(tmp_path):
    """A connection in the pool has a file without a name, in which nobody would ever find what is committed there."""
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    create_database(engine)
    with writing(engine) as connection:
        tally.create(connection)
        connection.execute(tally.insert(), ROW)
    for file in tmp_path.iterdir():
        file.unlink()
    for _ in range(2):
        with pytest.raises(SettingsError, match="there is no file"), reading(engine):
            pass
    create_database(engine)
    with writing(engine) as connection:
        tally.create(connection)
    assert counted(engine) == counted(make_engine(f"sqlite:///{tmp_path}/a.db")) == 0


def test_a_file_that_is_no_database_is_said_so(tmp_path):
    """A path that leads to some other file names it."""
    (tmp_path / "a.db").write_text("The quick brown fox jumps over the lazy dog, and again, and again.\n" * 20)
    with (
        pytest.raises(SettingsError, match=r"a\.db is not an SQLite database; name another file"),
        reading(make_engine(f"sqlite:///{tmp_path}/a.db")),
    ):
        pass


def test_a_folder_in_the_place_of_the_file_is_away(tmp_path):
    """SQLite cannot open a folder."""
    (tmp_path / "a.db").mkdir()
    with pytest.raises(Away, match="unable to open"), reading(make_engine(f"sqlite:///{tmp_path}/a.db")):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mailproc.db",
        "mysql://robot:pa55word@db.example.org/mail",
        "postgres://robot:pa55word@db.example.org/mail",
        "postgresql+psycopg2://robot:pa55word@db.example.org/mail",
        "postgresql://robot:pa55word@db.example.org:port/mail",
        "postgresql://robot:p@pa55word@db.example.org/mail",
    ],
)
def test_a_wrong_url_says_what_is_wanted_and_no_password(url):
    """A URL that we cannot use is one line with the two forms that we can, and without the password."""
    with pytest.raises(SettingsError, match="use sqlite:///FILE or postgresql://USER@HOST/NAME") as caught:
        make_engine(url)
    assert "pa55word" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch):
    """Without psycopg the fix is one command."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingProgram, match=r"type: pip install 'psycopg\[binary\]>=3\.3'$"):
        make_engine("postgresql://db.example.org/mail")


def one_line_of(error_class, url):
    """What connecting to ``url`` says."""
    with pytest.raises(error_class) as caught, reading(make_engine(url)):
        pass
    assert "\n" not in str(caught.value)
    assert "pa55word" not in str(caught.value)
    return str(caught.value)


def test_a_server_that_is_not_there_is_away():
    """A refused connection is tried again later."""
    assert "refused" in one_line_of(Away, "postgresql://robot:pa55word@127.0.0.1:1/mail")


def test_a_host_that_does_not_resolve_is_away():
    """So is a name that leads nowhere."""
    assert "resolve" in one_line_of(Away, "postgresql://robot:pa55word@nowhere.invalid/mail")


def test_a_wrong_password_is_a_refused_login(postgresql):
    """A password that the server refuses is the operator's to mend."""
    postgresql.execute("DROP ROLE IF EXISTS guarded")
    postgresql.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    assert "password authentication failed" in one_line_of(LoginRefused, postgresql.url("postgres", "guarded", "pa55word"))
    assert "no password supplied" in one_line_of(LoginRefused, postgresql.url("postgres", "guarded"))
    engine = make_engine(postgresql.url("postgres", "guarded", "right"))
    with reading(engine) as connection:
        assert connection.scalar(sa.text("SELECT current_setting('application_name')")) == "mailproc"
    engine.dispose()


def test_a_role_that_does_not_exist_is_a_refused_login(postgresql):
    """A user that the server does not know, too."""
    assert 'role "nobody" does not exist' in one_line_of(LoginRefused, postgresql.url("postgres", "nobody", "pa55word"))


def test_a_missing_postgresql_database_names_the_fix(postgresql):
    """A database that the server does not have is created by its administrator."""
    assert one_line_of(SettingsError, postgresql.url("nosuch")).endswith("; type: createdb nosuch")


def test_an_option_that_libpq_does_not_know_is_named(postgresql):
    """A misspelt option in the URL stops us with its name."""
    assert "sslmood" in one_line_of(SettingsError, postgresql.url("postgres") + "?sslmood=require")


def test_a_place_has_no_names_and_no_passwords():
    """Where a database is can be shown to anybody."""
    assert place_of(sa.make_url("postgresql://robot:pa55word@db.example.org/mail?password=x")) == "db.example.org:5432/mail"
