"""`mailproc list`: what is put in comes out again, and a mistake is one line."""

from __future__ import annotations

import io
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.address import Address
from mailproc.cli.configured import writing
from mailproc.forward.bounces.dead import note_bounce
from mailproc.settings import load
from tests.cli.conftest import call
from tests.cli.keys import Call
from tests.cli_run.calling import Ended

__all__ = ["call"]

SILENCE = Ended(0, "", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves its installation for the others to begin with."""
    return tmp_path_factory.mktemp("made") / "site"


@pytest.fixture
def lists(call: Call, tmp_path: Path, made: Path) -> Call:
    """An installation with the lists board and choir."""
    if made.exists():
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    else:
        make_lists(call)
        shutil.copytree(tmp_path, made)
    return call


def make_lists(site: Call) -> None:
    """Make the installation, with the commands of an operator."""
    assert site("init") == SILENCE
    assert site("list", "new", "board", "--description", "The board", "--owner", "eve@example.org") == SILENCE
    assert site("list", "new", "choir@Example.org", "--alias", "--posters", "members", "--strong") == SILENCE
    assert site("list", "add", "board", "ann@example.org", "Bob@example.org") == SILENCE
    assert site("list", "add", "choir", "bob@example.org", "cyd@example.org", "@board") == SILENCE


def stdin(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Let these bytes wait on stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def members(call: Call, name: str) -> dict[str, bool]:
    """Who stands in a list, and whether they get its mail."""
    return {row["address"]: row["receives"] for row in call("list", "show", name, "--format", "jsonl").rows}


def test_lists_are_shown(lists: Call) -> None:
    """With the number of their members, all or as many as are wanted."""
    lists("list", "pause", "board", "ann@example.org")
    assert lists("list", "show").out.splitlines() == [
        "LIST               KIND   MEMBERS  DEAD  POSTERS  CLOSED AT  DESCRIPTION",
        "board              list   1 of 2   0     anyone   -          The board",
        "choir@example.org  alias  3        0     members  -          -",
    ]
    board, choir = lists("list", "show", "--format", "jsonl").rows
    assert (board["name"], board["domain"], board["owner"], board["strong"]) == ("board", "", "eve@example.org", False)
    assert (board["members"], board["receiving"], board["dead"]) == (2, 1, 0)
    assert (choir["name"], choir["domain"], choir["kind"], choir["strong"]) == ("choir", "example.org", "alias", True)
    assert len(lists("list", "show", "--format", "jsonl", "--limit", "1").rows) == 1


def test_members_are_shown_with_what_came_back(lists: Call) -> None:
    """Who is dead is marked, until mail is to go there again."""
    with writing(load(None, {})) as connection, Session(connection) as session:
        note_bounce(session, Address.parse("bob@example.org"), "5.1.1", "no such user", datetime.now(UTC))
    assert lists("list", "show", "board").out.splitlines() == [
        "ADDRESS          RECEIVES  BOUNCES  DEAD",
        "ann@example.org  yes       0        -",
        "Bob@example.org  yes       1        5.1.1 no such user",
    ]
    assert [row["dead"] for row in lists("list", "show", "--format", "jsonl").rows] == [1, 1]
    assert len(lists("list", "show", "board", "--limit", "1", "--format", "jsonl").rows) == 1
    assert lists("list", "pause", "board", "bob@example.org") == SILENCE
    assert lists("list", "resume", "board", "bob@example.org") == SILENCE
    assert [row["bounces"] for row in lists("list", "show", "board", "--format", "jsonl").rows] == [0, 0]


def test_an_expression_shows_whom_a_mail_would_reach(lists: Call) -> None:
    """In the domain that it names, or the only one that has lists."""
    shown = lists("list", "show", "board+choir").out.splitlines()
    assert shown == [
        "LIST   ADDRESS",
        "board  ann@example.org",
        "board  Bob@example.org",
        "choir  cyd@example.org",
    ]
    assert lists("list", "show", "board+choir@example.org").out.splitlines() == shown
    rows = lists("list", "show", "choir-board", "--format", "jsonl").rows
    assert rows == [{"list": "choir", "address": "cyd@example.org"}]
    assert lists("list", "show", "board+choir", "--limit", "1", "--format", "jsonl").rows == [
        {"list": "board", "address": "ann@example.org"}
    ]
    assert lists("list", "show", "board+choir@example.net").line == "there is no list choir"
    assert lists("list", "show", "board+eve-mallory").line == "there is no list eve; there is no list mallory"


def test_members_come_from_stdin(lists: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """One a line; blank lines and remarks are passed over, and nothing changes for who is there already."""
    lists("list", "pause", "board", "ann@example.org")
    stdin(monkeypatch, b"\xef\xbb\xbf# the new ones\n\n  dan@example.org \r\nann@example.org\n")
    assert lists("list", "add", "board", "-", "eve@example.org") == SILENCE
    assert members(lists, "board") == {
        "ann@example.org": False,
        "Bob@example.org": True,
        "dan@example.org": True,
        "eve@example.org": True,
    }
    stdin(monkeypatch, b"\xef\xbb\xbfDAN@example.org\neve@example.org\n")
    assert lists("list", "remove", "board", "-") == SILENCE
    assert set(members(lists, "board")) == {"ann@example.org", "Bob@example.org"}


def test_nobody_waits_while_many_members_are_read(lists: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """All lines are read before the database is written to, and a batch costs one statement."""
    told: list[str] = []

    class Watched(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            told.append("read")
            return super().readline(size)

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        told.append(statement.split()[0])

    text = io.TextIOWrapper(Watched(b"".join(b"%d@example.org\n" % at for at in range(2000))))
    monkeypatch.setattr(sys, "stdin", text)
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert lists("list", "add", "board", "-") == SILENCE
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert "read" not in told[told.index("INSERT") :] and told.count("INSERT") <= 4
    assert len(members(lists, "board")) == 2002


WRONG_LINES = [
    (b"dan@example.org\n\nnobody\n", "line 3 of stdin: 'nobody' is not an address; write it like ann@example.org"),
    (b"dan@example.org\n\xff@example.org\n", "line 2 of stdin: is not UTF-8; write it so"),
    (
        b"dan@example.org\n#" + b" " * 8191 + b"eve@example.org\n",
        "line 2 of stdin: has more than 8192 octets; write one address a line",
    ),
    (b"dan@example.org\n\n@board\n", "line 3 of stdin: @board is the list itself, and cannot be in it; leave it out"),
    (b"@nobody\n", "line 1 of stdin: there is no list nobody, whose people could be in it; make it first"),
]


def test_an_error_names_the_line(lists: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody is put in."""
    for text, says in WRONG_LINES:
        stdin(monkeypatch, text)
        ended = lists("list", "add", "board", "-")
        assert (ended.status, ended.line) == (64, says)
    assert set(members(lists, "board")) == {"ann@example.org", "Bob@example.org"}


def test_a_list_is_closed_opened_and_deleted(lists: Call) -> None:
    """What is lost for good must be closed first."""
    assert lists("list", "delete", "board").line == (
        "board is open, and its members would be lost; type first: mailproc list close board"
    )
    assert lists("list", "close", "board") == SILENCE
    assert lists("list", "show", "board+choir").line == "board is closed"
    assert lists("list", "open", "board") == SILENCE
    assert len(lists("list", "show", "board+choir", "--format", "jsonl").rows) == 3
    assert (lists("list", "close", "board"), lists("list", "delete", "board")) == (SILENCE, SILENCE)
    assert [row["name"] for row in lists("list", "show", "--format", "jsonl").rows] == ["choir"]
    assert set(members(lists, "choir")) == {"@board", "bob@example.org", "cyd@example.org"}


def test_a_name_may_stand_in_several_domains(lists: Call) -> None:
    """Then it is written whole; the list of every domain has the name alone."""
    lists("list", "new", "choir", "--domain", "example.net")
    assert lists("list", "add", "choir", "dan@example.org").line == (
        "there are several: choir@example.net, choir@example.org; write one of them whole"
    )
    assert lists("list", "add", "choir@example.net", "dan@example.org") == SILENCE
    assert members(lists, "choir@example.net") == {"dan@example.org": True}
    lists("list", "new", "choir")
    assert members(lists, "choir") == {}


MISTAKES = [
    (["add", "nobody", "ann@example.org"], "there is no list nobody; type: mailproc list show"),
    (["add", "board", "ann"], "'ann' is not an address; write it like ann@example.org"),
    (["remove", "board", "dan@example.org"], "dan@example.org is not in board; type: mailproc list show board"),
    (["pause", "board", "dan@example.org"], "dan@example.org is not in board; type: mailproc list show board"),
    (["new", "board"], "there is a list board already; type: mailproc list show"),
    (["new", "a b"], "'a b' cannot be a name: use at most 64 of a-z, 0-9, _, and . or - between them"),
    (["close", "nobody"], "there is no list nobody; type: mailproc list show"),
    (["show", "no-such-list"], "there is no list no-such-list"),
    (["show", "\x1b[31m"], "there is no list [31m"),
    (["show", "\udcff"], "there is no list of this name"),
    (["show", "board@\udcff"], "there is no list board"),
    (["close", "\udcff"], "there is no list of this name; type: mailproc list show"),
    (["remove", "board", "\udcff"], "this address is not in board; type: mailproc list show board"),
    (["pause", "board", "\udcff"], "this address is not in board; type: mailproc list show board"),
    (["add", "board", "\udcff@example.org"], "'@example.org' is not an address; write it like ann@example.org"),
    (["add", "board", "@board"], "@board is the list itself, and cannot be in it; leave it out"),
    (["add", "board", "@\udcff"], "there is no list of this name, whose people could be in it; make it first"),
    (["new", "x", "--domain", "\udcff"], "'' cannot be a domain; write it like lists.example.org"),
    (["new", "x", "--domain", "a@b"], "'a@b' cannot be a domain; write it like lists.example.org"),
]


def test_a_mistake_is_one_line_with_the_fix(lists: Call) -> None:
    """And the status is that of a misuse."""
    for arguments, says in MISTAKES:
        ended = lists("list", *arguments)
        assert (ended.status, ended.line) == (64, says)


def test_a_misuse_is_explained(lists: Call) -> None:
    """Two domains for one list."""
    ended = lists("list", "new", "x@example.org", "--domain", "example.net")
    assert ended.status == 64
    assert "NAME has a domain already; leave out --domain." in ended.err


def test_tables_that_are_not_there_are_told_of(lists: Call) -> None:
    """With the command that makes them."""
    with writing(load(None, {})) as connection:
        connection.execute(sa.text("DELETE FROM alembic_forward"))
    ended = lists("list", "show")
    assert (ended.status, ended.line) == (
        78,
        "the schema of forward is at nothing, this program needs 0001; type: mailproc db upgrade",
    )
