"""The bugs of the example on PostgreSQL, where several processes write at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bugs.desk import sit_down
from bugs.models import Person
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from mailproc import Delivery, Outcome, handler
from mailproc.database.engine import make_engine
from mailproc.testing import PostOffice, make_mail


@pytest.fixture
def delivery(installation: PostOffice) -> Delivery:
    """A mail of Ann's, who has never written before."""
    seen: list[Delivery] = []

    @handler()
    def keep(delivery: Delivery) -> Outcome:
        seen.append(delivery)
        return delivery.handled()

    installation.bind("bugs.example.org", keep)
    installation.deliver(make_mail(to="1@bugs.example.org", text="Hello"))
    return seen[0]


@pytest.fixture
def sessions(postgresql_url: str) -> Iterator[tuple[Session, Session]]:
    """Those of two processes."""
    engine = make_engine(postgresql_url)
    with Session(engine) as first, Session(engine) as second:
        yield first, second
    engine.dispose()


def test_a_new_person_is_met_by_two_processes_at_once(delivery: Delivery, sessions: tuple[Session, Session]) -> None:
    """The second has looked for her before the first has written her down; both go on, and there is one of her."""
    first, second = sessions

    def write_down(*flush: object) -> None:
        sit_down(replace(delivery, session=first), 1000)
        first.commit()

    event.listen(second, "before_flush", write_down, once=True)
    desk = sit_down(replace(delivery, session=second), 1000)
    second.commit()
    assert second.scalars(select(Person.name)).all() == ["ann"]
    assert desk.me.address == "ann@example.com"
