"""An installation with lists in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailproc.database import tables
from mailproc.forward import lists, members
from mailproc.forward import tables as own
from mailproc.testing import PostOffice

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

MakeList = Callable[..., None]
Bind = Callable[..., None]


@pytest.fixture(scope="module")
def installed() -> Iterator[PostOffice]:
    """An installation with the tables of the forwarder."""
    with PostOffice(migrations="forward") as opened:
        yield opened


@pytest.fixture
def office(installed: PostOffice) -> Iterator[PostOffice]:
    """The installation without anything in it: what a test puts there goes when it ends."""
    began = installed.now
    yield installed
    installed.now = began
    with installed.session() as session:
        for table in (*reversed(own.metadata.sorted_tables), *reversed(tables.metadata.sorted_tables)):
            session.execute(table.delete())


@pytest.fixture
def make_list(office: PostOffice) -> MakeList:
    """Make a list with these members; the name of one who is to be paused stands in brackets."""

    def made(name: str, *given: str, **options: object) -> None:
        with office.session() as session:
            lists.create(session, *name.split("@"), now=NOW, **options)  # type: ignore[arg-type]
            found = lists.find(session, name)
            members.add(session, found, [members.read_member(each.strip("()")) for each in given], now=NOW)
            members.set_receives(session, found, [each.strip("()") for each in given if each.startswith("(")], False)

    return made


@pytest.fixture
def bind(office: PostOffice) -> Bind:
    """Let the forwarder serve lists.example.org with these options."""

    def bound(*, trust: Sequence[str] = (), **options: object) -> None:
        office.bind("lists.example.org", "forward", {"hostname": "mail.example.org"} | options, drop=["loop"], trust=trust)

    return bound


@pytest.fixture
def board(make_list: MakeList, bind: Bind) -> None:
    """The list board with two members, served by a forwarder without options."""
    make_list("board", "ann@example.org", "bob@example.net", description="The board", owner="eve@example.org")
    bind()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret that nobody else may read."""
    file = tmp_path / "secret"
    file.write_text("correct horse battery\n")
    file.chmod(0o600)
    return file
