"""Starts that were nobody's fault are given back, and one message's trouble is not laid at another's door."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mailproc.database.engine import DatabaseAway
from mailproc.errors import Interrupted
from mailproc.maildrops.memory import MemoryDrop
from mailproc.processing import ending
from mailproc.processing.works import Deaf
from mailproc.shift import begin
from tests.installation import Installation, MaildirBox, make_mail
from tests.servers.postgresql import PostgreSQL


class Meddler(Deaf):
    """A watch that does something when the first message is about to be examined, after T1 and before T2."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        self.meddle = meddle
        self.started = 0

    def starts(self, receipt_id: str, archive_url: str) -> None:
        """Do it once."""
        self.started += 1
        if self.started == 1:
            self.meddle()


def assert_given_back(installation: Installation, drop: MemoryDrop) -> None:
    """The starts stand in the file of debts, the next run gives them back, and then handles each mail once."""
    assert len(drop.uids()) == 2
    assert [receipt.attempts for receipt in installation.receipts()] == [1, 1]
    assert sorted(installation.state.debts.all()) == sorted(receipt.id for receipt in installation.receipts())
    works = installation.works(owner="next")
    begin(works, installation.state)
    assert [receipt.attempts for receipt in installation.receipts()] == [0, 0]
    assert installation.state.debts.all() == []
    installation.empty(works, drop)
    assert (installation.effects(), drop.uids(), installation.oopses()) == (["1", "2"], [], [])
    assert [receipt.attempts for receipt in installation.receipts()] == [1, 1]


def test_an_sqlite_file_that_is_locked_before_t2(tmp_path: Path, sqlite_url: str, drop: MemoryDrop) -> None:
    """When another program holds the database from T1 on, the run ends as away, and the starts are given back."""
    other = sqlite3.connect(tmp_path / "mailproc.db", isolation_level=None, check_same_thread=False)
    url = f"{sqlite_url}?timeout=0.2"
    with Installation(tmp_path, url, MaildirBox(tmp_path / "Maildir")) as installation:
        drop.add(make_mail("1"))
        drop.add(make_mail("2"))
        works = replace(installation.works(), watch=Meddler(lambda: [other.execute("BEGIN IMMEDIATE")].clear()))
        with pytest.raises(DatabaseAway, match="database is locked"):
            installation.empty(works, drop)
        other.close()
        assert_given_back(installation, drop)


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_url: str) -> Iterator[Installation]:
    """An installation on PostgreSQL."""
    with Installation(tmp_path, postgresql_url, MaildirBox(tmp_path / "Maildir")) as installation:
        yield installation


def test_a_database_that_goes_down_while_mails_are_examined(
    on_postgresql: Installation, postgresql: PostgreSQL, drop: MemoryDrop
) -> None:
    """When the user cannot be looked up, the user is not unknown: the run ends as away, and the starts are given back."""
    drop.add(make_mail("1"))
    drop.add(make_mail("2"))
    works = replace(on_postgresql.works(), watch=Meddler(postgresql.stop))
    on_postgresql.engine.dispose()
    try:
        with pytest.raises(DatabaseAway):
            on_postgresql.empty(works, drop)
    finally:
        postgresql.start()
    assert_given_back(on_postgresql, drop)


def test_a_redone_message_is_not_excused_by_what_failed_before(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """In a chunk that is redone after a serialization failure, a bug is a bug, with an OOPS, and not the database's fault."""
    drop.add(make_mail("1 raiseafter"))
    drop.add(make_mail("2 serialization"))
    drop.add(make_mail("3"))
    on_postgresql.empty(on_postgresql.works(), drop)
    assert on_postgresql.dispositions() == ["failed", "handled", "handled"]
    assert [oops.exception for oops in on_postgresql.oopses()] == ["LookupError: a bug of the handler"]
    assert (on_postgresql.effects(), drop.uids()) == (["2", "3"], [])


class Impatient(Deaf):
    """A watch that interrupts the handler that is called as the nth."""

    def __init__(self, nth: int) -> None:
        self.calls_left = nth

    def stopping(self) -> bool:
        """From then on."""
        return self.calls_left <= 0

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Interrupt when it is time."""
        self.calls_left -= 1
        if self.calls_left == 0:
            raise Interrupted
        yield


def test_a_message_that_is_interrupted_when_redone_is_given_back(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """Being told to stop while a chunk is redone costs no start: not of the message in hand, and not of those after it."""
    for subject in ("1", "2 serialization", "3"):
        drop.add(make_mail(subject))
    works = replace(on_postgresql.works(), watch=Impatient(3))
    on_postgresql.empty(works, drop)
    assert [(row.disposition, row.attempts) for row in on_postgresql.receipts()] == [(None, 0)] * 3
    on_postgresql.empty(on_postgresql.works(), drop)
    assert (on_postgresql.effects(), drop.uids()) == (["1", "2", "3"], [])
    assert [row.attempts for row in on_postgresql.receipts()] == [1, 1, 1]


def test_a_bug_of_ours_in_the_ending_costs_that_message_alone(
    installation: Installation, drop: MemoryDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the answer to one mail cannot be composed, it fails with an OOPS, unanswered; its neighbours are handled."""
    compose = ending.compose

    def broken(answering, original, *rest, **facts):
        if "2" in original.subject and facts["answerable"]:
            raise UnicodeError("a bug of ours")
        return compose(answering, original, *rest, **facts)

    monkeypatch.setattr(ending, "compose", broken)
    for subject in ("1 reply", "2 reply", "3 reply"):
        drop.add(make_mail(subject))
    installation.empty(installation.works(), drop)
    assert installation.dispositions() == ["handled", "failed", "handled"]
    assert (installation.effects(), drop.uids(), len(installation.outbox())) == (["1", "3"], [], 2)
    (oops,) = installation.oopses()
    assert oops.exception == "UnicodeError: a bug of ours"
    assert installation.receipts()[1].reason == "UnicodeError in mailproc"


def test_a_start_counts_when_it_was_no_database_that_failed(
    installation: Installation, drop: MemoryDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw ends the run, but it may be the mail: the starts stand, so that it is alone the next time."""
    monkeypatch.setattr(ending, "make_oops", lambda *given, **facts: 1 / 0)
    drop.add(make_mail("1"))
    drop.add(make_mail("2 raise"))
    with suppress(ZeroDivisionError):
        installation.empty(installation.works(), drop)
    assert [(row.disposition, row.attempts) for row in installation.receipts()] == [("handled", 1), (None, 1)]
    assert installation.state.debts.all() == []
