"""An installation with lists in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from mailproc.forward import lists
from mailproc.testing import PostOffice

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

MakeList = Callable[..., None]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """An installation of one's own, with the tables of the forwarder."""
    with PostOffice(migrations="forward") as opened:
        yield opened


@pytest.fixture
def make_list(office: PostOffice) -> MakeList:
    """Make a list with these members; the name of one who is to be paused stands in brackets."""

    def made(name: str, *members: str, **options: object) -> None:
        with office.session() as session:
            lists.create(session, *name.split("@"), now=NOW, **options)  # type: ignore[arg-type]
            found = lists.find(session, name)
            for member in members:
                lists.add(session, found, member.strip("()"), now=NOW)
                if member.startswith("("):
                    lists.set_receives(session, found, member.strip("()"), False)

    return made


@pytest.fixture
def bind(office: PostOffice) -> Callable[..., None]:
    """Let the forwarder serve lists.example.org with these options."""

    def bound(*, trust: Sequence[str] = (), **options: object) -> None:
        office.bind("lists.example.org", "forward", {"hostname": "mail.example.org"} | options, drop=["loop"], trust=trust)

    return bound
