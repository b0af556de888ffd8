"""What a handler does to its session and to the database, and what stands afterwards (promise 2, promise 5)."""

from __future__ import annotations

import pytest

from mailproc.maildrops.memory import MemoryDrop
from tests.installation import Installation, make_mail

NEIGHBOURS = ("1", "2", "4", "5")


def in_the_middle(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """Work a chunk of five whose third does ``deed``."""
    for subject in ("1", "2", f"3 {deed}", "4", "5"):
        drop.add(make_mail(subject))
    installation.empty(installation.works(), drop)


def assert_the_third_failed_alone(installation: Installation, drop: MemoryDrop, exception: str) -> None:
    """Its neighbours' effects stand once, its own do not, and it has the one OOPS."""
    assert installation.effects() == list(NEIGHBOURS)
    assert installation.dispositions() == ["handled", "handled", "failed", "handled", "handled"]
    assert [oops.exception.partition("\n")[0] for oops in installation.oopses()] == [exception]
    left_and_balanced(installation, drop)


def left_and_balanced(installation: Installation, drop: MemoryDrop) -> None:
    """The maildrop is empty after at most one more run, and the books balance."""
    installation.empty(installation.works(), drop)
    assert (drop.uids(), drop.marked()) == ([], [])
    assert installation.balance().balanced and installation.balance().seen == 5


@pytest.mark.parametrize("deed", ["", "commit", "commit commit"])
def test_a_handler_may_commit_or_not(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """What it writes is committed with the outcome, whether it calls ``session.commit()``, twice, or never."""
    in_the_middle(installation, drop, deed)
    assert installation.effects() == ["1", "2", "3", "4", "5"]
    assert installation.dispositions() == ["handled"] * 5
    left_and_balanced(installation, drop)
    assert len(installation.calls()) == 5


def test_a_handler_that_rolls_back_has_written_nothing(installation: Installation, drop: MemoryDrop) -> None:
    """``session.rollback()`` ends what the handler wrote and nothing of its neighbours."""
    in_the_middle(installation, drop, "rollback")
    assert installation.effects() == list(NEIGHBOURS)
    assert (installation.dispositions(), installation.oopses()) == (["handled"] * 5, [])


@pytest.mark.parametrize("deed", ["raise", "commit raise"])
def test_a_handler_that_raises_leaves_nothing(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """What it wrote is undone, also what it has committed before it raised."""
    in_the_middle(installation, drop, deed)
    assert_the_third_failed_alone(installation, drop, "LookupError: a bug of the handler")
    assert len(installation.calls()) == 5


def test_a_handler_that_exits_leaves_nothing(installation: Installation, drop: MemoryDrop) -> None:
    """``SystemExit`` after a commit is a bug like any other."""
    in_the_middle(installation, drop, "commit exit")
    assert_the_third_failed_alone(installation, drop, "SystemExit: a handler's own exit")


@pytest.mark.parametrize("deed", ["commit reject", "commit rejected", "commit drop"])
def test_what_a_handler_wrote_before_it_rejects(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """An outcome that is returned keeps what was written with it; ``Rejected`` that is raised undoes it."""
    in_the_middle(installation, drop, deed)
    kept = deed != "commit rejected"
    assert installation.effects() == (["1", "2", "3", "4", "5"] if kept else list(NEIGHBOURS))
    assert installation.dispositions()[2] == ("dropped" if deed == "commit drop" else "rejected")
    assert installation.oopses() == []


@pytest.mark.parametrize("deed", ["defer", "commit defer", "commit transient"])
def test_a_deferred_message_has_written_nothing(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """It will be handled again, so what it wrote would stand twice."""
    in_the_middle(installation, drop, deed)
    assert installation.effects() == list(NEIGHBOURS)
    assert [(row.disposition, row.attempts, row.deferrals) for row in installation.receipts()][2] == (None, 0, 1)
    assert drop.uids() == ["3"]


def test_wrong_sql_costs_its_own_message_only(installation: Installation, drop: MemoryDrop) -> None:
    """A statement that fails is the handler's bug; on PostgreSQL it breaks its savepoint and not the chunk."""
    in_the_middle(installation, drop, "sql INSERT INTO no_such_table VALUES (1)")
    (oops,) = installation.oopses()
    assert "no_such_table" in oops.exception
    assert_the_third_failed_alone(installation, drop, oops.exception.partition("\n")[0])
    assert len(installation.calls()) == 5


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest, database_url: str) -> Installation:
    """The installation, on PostgreSQL alone."""
    return request.getfixturevalue("installation")


only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_postgresql
def test_a_division_by_zero_costs_its_own_message_only(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """PostgreSQL aborts the transaction to its last savepoint, and that is ours."""
    in_the_middle(on_postgresql, drop, "sql SELECT 1/0")
    assert "division by zero" in on_postgresql.oopses()[0].exception
    assert_the_third_failed_alone(on_postgresql, drop, on_postgresql.oopses()[0].exception.partition("\n")[0])


@only_postgresql
def test_an_error_of_sql_that_is_swallowed_is_still_one(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """A handler that goes on after a failed statement has a broken transaction, and its message fails alone."""
    in_the_middle(on_postgresql, drop, "swallow SELECT 1/0")
    assert "current transaction is aborted" in on_postgresql.oopses()[0].exception
    assert_the_third_failed_alone(on_postgresql, drop, on_postgresql.oopses()[0].exception.partition("\n")[0])


@pytest.mark.parametrize("deed", ["sql ROLLBACK", "connection rollback"])
def test_a_handler_that_rolls_the_chunk_back(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """Ending the transaction of the whole chunk costs its own message; those before and after are redone, once each."""
    in_the_middle(installation, drop, deed)
    assert installation.effects() == list(NEIGHBOURS)
    assert installation.dispositions() == ["handled", "handled", "failed", "handled", "handled"]
    assert len(installation.oopses()) == 1
    left_and_balanced(installation, drop)
    assert [row.attempts for row in installation.receipts()] == [1] * 5


@pytest.mark.parametrize("deed", ["sql COMMIT", "connection commit"])
def test_a_handler_that_commits_the_chunk(installation: Installation, drop: MemoryDrop, deed: str) -> None:
    """What stood before is committed early and stays once; the message itself fails, whatever it has pushed through."""
    in_the_middle(installation, drop, deed)
    assert [name for name in installation.effects() if name != "3"] == list(NEIGHBOURS)
    assert installation.dispositions() == ["handled", "handled", "failed", "handled", "handled"]
    assert len(installation.oopses()) == 1
    left_and_balanced(installation, drop)
    assert [call for call in installation.calls() if call[0] in "12"] == ["1 1", "2 1"]


def test_a_handler_that_closes_the_connection(installation: Installation, drop: MemoryDrop) -> None:
    """``session.connection().close()`` costs its own message only."""
    in_the_middle(installation, drop, "connection close")
    assert installation.effects() == list(NEIGHBOURS)
    assert installation.dispositions() == ["handled", "handled", "failed", "handled", "handled"]
    left_and_balanced(installation, drop)


@only_postgresql
def test_a_serialization_failure_is_redone(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """Of two transactions that cannot both be right the database ends one: that is nobody's bug, and it is redone."""
    in_the_middle(on_postgresql, drop, "serialization")
    assert on_postgresql.effects() == ["1", "2", "3", "4", "5"]
    assert on_postgresql.oopses() == []
    assert [row.attempts for row in on_postgresql.receipts()] == [1] * 5
    left_and_balanced(on_postgresql, drop)


@only_postgresql
def test_a_serialization_failure_that_stays_is_deferred(on_postgresql: Installation, drop: MemoryDrop) -> None:
    """What fails so twice in a row waits, without an OOPS and without a start held against it."""
    in_the_middle(on_postgresql, drop, "serialization always")
    assert on_postgresql.effects() == list(NEIGHBOURS)
    third = on_postgresql.receipts()[2]
    assert (third.disposition, third.attempts, third.rule, third.retry_at is not None) == (None, 0, "database", True)
    assert (on_postgresql.oopses(), drop.uids()) == ([], ["3"])
