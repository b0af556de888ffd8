"""Archive, database or relay away during a real run: all mail stays, and the next run handles it once (promise 1)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailproc.database.tables import receipt
from tests.crash.test_two_runs import go_on, in_the_handler
from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.servers.postgresql import PostgreSQL

MAILS = (make_mail("1"), make_mail("2"))


def all_mail_stays(installation: Installation, *reasons: str, **run: str) -> None:
    """A run ends with 75 and says why; the mail is where it was, and no receipt was opened."""
    done = installation.run(**run)
    assert done.returncode == 75
    assert all(reason in done.stderr for reason in reasons), done.stderr
    assert installation.left_in_maildrop() == ["1", "2"]


def the_next_run_handles_everything(installation: Installation) -> None:
    """Each once, at the first attempt."""
    done = installation.run()
    assert done.returncode == 0, done.stderr
    assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2"], [])
    assert [row.attempts for row in installation.receipts()] == [1, 1]
    assert (installation.oopses(), installation.balance().balanced) == ([], True)


def test_an_archive_that_is_not_mounted(installation: Installation) -> None:
    """Without its folder the archive is away, not empty: it is not made anew, and nothing is handled."""
    archive = installation.folder / "archive"
    archive.rename(installation.folder / "elsewhere")
    installation.append(*MAILS)
    all_mail_stays(installation, f"archive {archive}", "No such file or directory")
    assert (installation.receipts(), archive.exists()) == ([], False)
    (installation.folder / "elsewhere").rename(archive)
    the_next_run_handles_everything(installation)


def test_a_file_in_the_place_of_the_archive(installation: Installation) -> None:
    """What is no folder is no archive."""
    archive = installation.folder / "archive"
    archive.rename(installation.folder / "elsewhere")
    archive.touch()
    installation.append(*MAILS)
    all_mail_stays(installation, f"archive {archive}", "Not a directory")
    assert installation.receipts() == []
    archive.unlink()
    (installation.folder / "elsewhere").rename(archive)
    the_next_run_handles_everything(installation)


@pytest.mark.parametrize("fault", ["archive-temp:enospc", "archive-temp:eio:2", "archive-fsync:enospc", "archive-rename:eio"])
def test_an_archive_that_cannot_be_written(tmp_path: Path, sqlite_url: str, box: DovecotBox, fault: str) -> None:
    """A full or broken disk stops the run at the archive, with the reason, and leaves no half file."""
    with Installation(tmp_path, sqlite_url, box) as installation:
        installation.append(*MAILS)
        all_mail_stays(installation, "No space left" if "enospc" in fault else "Input/output error", failpoint=fault)
        assert installation.receipts() == []
        assert list((tmp_path / "archive" / "tmp").iterdir()) == []
        the_next_run_handles_everything(installation)


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_url: str, box: DovecotBox) -> Iterator[Installation]:
    """An installation on PostgreSQL."""
    with Installation(tmp_path, postgresql_url, box) as installation:
        yield installation


@contextmanager
def stopped(postgresql: PostgreSQL) -> Iterator[None]:
    """The server is down for as long as the block lasts."""
    postgresql.stop()
    try:
        yield
    finally:
        postgresql.start()


def test_a_database_that_is_down_before_the_run(on_postgresql: Installation, postgresql: PostgreSQL) -> None:
    """No mail is touched without the database."""
    on_postgresql.append(*MAILS)
    on_postgresql.engine.dispose()
    with stopped(postgresql):
        all_mail_stays(on_postgresql, "database")
    assert on_postgresql.receipts() == []
    the_next_run_handles_everything(on_postgresql)


def test_a_database_that_goes_down_in_the_handler(on_postgresql: Installation, postgresql: PostgreSQL) -> None:
    """T2 fails: the mail stays, and its start is given back when the database can be written, also after many times."""
    on_postgresql.append(make_mail("1 wait"), make_mail("2"))
    for attempt in range(1, 5):
        (on_postgresql.folder / "go").unlink(missing_ok=True)
        run = on_postgresql.start()
        while len(on_postgresql.calls()) < attempt:
            assert run.poll() is None, finish(run).stderr
            time.sleep(0.01)
        on_postgresql.engine.dispose()
        with stopped(postgresql):
            go_on(on_postgresql)
            done = finish(run)
        assert (done.returncode, "database" in done.stderr) == (75, True), done.stderr
        assert on_postgresql.left_in_maildrop() == ["1 wait", "2"]
        assert [(row.disposition, row.attempts) for row in on_postgresql.receipts()] == [(None, 1)] * 2
    assert on_postgresql.run().returncode == 0
    assert (on_postgresql.effects(), on_postgresql.left_in_maildrop()) == (["1", "2"], [])
    assert [row.attempts for row in on_postgresql.receipts()] == [1, 1]
    assert (on_postgresql.oopses(), on_postgresql.state.debts.all()) == ([], [])


def test_a_connection_that_dies_in_the_handler_is_made_again(on_postgresql: Installation) -> None:
    """When only the connection is lost, the chunk is redone message by message in the same run, without an OOPS."""
    on_postgresql.append(make_mail("1"), make_mail("2 sqlonce SELECT pg_terminate_backend(pg_backend_pid())"), make_mail("3"))
    done = on_postgresql.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert (on_postgresql.effects(), on_postgresql.left_in_maildrop()) == (["1", "2", "3"], [])
    assert [row.attempts for row in on_postgresql.receipts()] == [1, 1, 1]
    assert on_postgresql.oopses() == []


def test_a_lock_that_nobody_frees_ends_the_run_in_time(tmp_path: Path, postgresql_url: str, box: DovecotBox) -> None:
    """A transaction that a vanished process has left open on the server holds no run up for ever."""
    with Installation(tmp_path, f"{postgresql_url}?options=-c%20lock_timeout%3D1s", box) as installation:
        installation.append(*MAILS)
        assert installation.run(failpoint="handler-start:killall").returncode == -9
        with installation.engine.begin() as conn:
            conn.execute(sa.update(receipt).values(owner=receipt.c.owner))
            all_mail_stays(installation, "lock timeout")
        assert installation.run().returncode == 0
        assert (installation.effects(), installation.left_in_maildrop()) == (["1", "2"], [])


def test_an_sqlite_file_that_another_program_has_locked(tmp_path: Path, sqlite_url: str, box: DovecotBox) -> None:
    """A writer that does not end makes the database be away; when it has ended, the next run handles everything."""
    with Installation(tmp_path, f"{sqlite_url}?timeout=0.2", box) as installation:
        installation.append(*MAILS)
        with closing(sqlite3.connect(tmp_path / "mailproc.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            all_mail_stays(installation, "database is locked")
            assert installation.receipts() == []
        the_next_run_handles_everything(installation)


def test_readers_never_wait_for_a_chunk(installation: Installation) -> None:
    """While a handler holds the transaction of its chunk open, ``status`` and ``messages list`` are answered."""
    installation.append(make_mail("1 wait"), make_mail("2"))
    run = in_the_handler(installation)
    status = installation.mailproc("status", "--format", "jsonl")
    listed = installation.mailproc("messages", "list", "--format", "jsonl")
    assert run.poll() is None and not (installation.folder / "go").exists()
    assert '"waiting": 2' in status.stdout and '"balanced": true' in status.stdout
    assert len(listed.stdout.splitlines()) == 2
    go_on(installation)
    assert finish(run).returncode == 0
    assert '"handled": 2' in installation.mailproc("status", "--format", "jsonl").stdout


def test_a_relay_that_is_away_holds_no_mail_up(installation: Installation) -> None:
    """Incoming mail is handled while the relay is down; the answer waits and is sent by the next run."""
    assert installation.relay is not None
    installation.relay.stop()
    installation.append(make_mail("1 reply"))
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.left_in_maildrop(), installation.sent()) == (["1"], [], [])
    (row,) = installation.outbox()
    assert (row.sent_at, row.failed_at, row.attempts) == (None, None, 1)
    assert installation.state.pending
    installation.relay.start()
    with installation.engine.begin() as conn:
        conn.execute(sa.text("UPDATE mailproc_outbox SET retry_at = NULL"))  # a minute has passed
    assert installation.run().returncode == 0
    assert len(installation.sent()) == 1
    assert not installation.state.pending
