"""OOPSes in the database: counted by signature, found by what a sender cites, pruned by age."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailproc.database import oopses
from mailproc.database.engine import writing
from mailproc.oops import Oops

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OOPS = Oops("OOPS-1", "ValueError in notes:add", "ValueError: no", "Traceback", "anna", "<1@x>", "a@b", "file:///1", "r1", NOW)


@pytest.fixture
def conn(engine):
    """A connection with three OOPSes, two of them alike."""
    with writing(engine) as connection:
        oopses.insert(connection, OOPS)
        oopses.insert(connection, replace(OOPS, id="OOPS-2", created_at=NOW + DAY))
        oopses.insert(connection, replace(OOPS, id="OOPS-3", signature="KeyError", principal=None, created_at=NOW + 2 * DAY))
        yield connection


def test_an_oops_comes_back_as_it_was(conn):
    """Every field is kept, and the id is found however it was typed."""
    assert oopses.show(conn, " oops-1 ") == OOPS
    assert oopses.show(conn, "OOPS-9") is None


def test_the_newest_is_listed_first_with_its_company(conn):
    """The count is how many share the signature, also those that a limit hides."""
    assert [(one.oops.id, one.count) for one in oopses.list_oopses(conn)] == [("OOPS-3", 1), ("OOPS-2", 2), ("OOPS-1", 2)]
    assert [(one.oops.id, one.count) for one in oopses.list_oopses(conn, limit=2)] == [("OOPS-3", 1), ("OOPS-2", 2)]
    assert [one.oops.id for one in oopses.list_oopses(conn, signature="KeyError")] == ["OOPS-3"]


def test_old_ones_are_pruned(conn):
    """What was recorded before the moment goes, what was recorded at it stays."""
    assert oopses.prune(conn, NOW + DAY) == 1
    assert [one.oops.id for one in oopses.list_oopses(conn)] == ["OOPS-3", "OOPS-2"]
