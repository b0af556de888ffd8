"""A tracker with three users, two of whom can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bugs.models import Base, Bug, Entry, Person, Subscription
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from mailproc.testing import Delivered, PostOffice, SigningKey, make_mail

ANN, BOB, CID = "ann@example.com", "Bob@example.com", "cid@example.com"

Write = Callable[..., Delivered]

LONG_AGO = datetime.now(UTC) - timedelta(days=30)  # no signature may be younger than the present


@pytest.fixture(scope="session")
def tracker_keys() -> Iterator[dict[str, SigningKey]]:
    """The keys of Ann and Bob; making one takes a moment, so that all tests share them."""
    with SigningKey.generate(f"Ann <{ANN}>") as ann, SigningKey.generate(f"Bob <{BOB}>") as bob:
        yield {ANN: ann, "ann@example.net": ann, BOB: bob}


@pytest.fixture(scope="session")
def tracker(tracker_keys: dict[str, SigningKey]) -> Iterator[PostOffice]:
    """An installation with the tracker in it, bound as an operator would."""
    with PostOffice(migrations="bugs", now=LONG_AGO) as office:
        office.bind("bugs.example.org", "bugs", {"longest": 1000})
        office.user("ann", ANN, "ann@example.net", key=tracker_keys[ANN])
        office.user("bob", BOB, key=tracker_keys[BOB])
        office.user("cid", CID)
        yield office


@pytest.fixture
def office(tracker: PostOffice) -> Iterator[PostOffice]:
    """The same, without bugs, and hours later: so many answers go to one sender in an hour, and no more."""
    tracker.now += timedelta(hours=2)
    yield tracker
    with tracker.session() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


@pytest.fixture
def write(office: PostOffice, tracker_keys: dict[str, SigningKey]) -> Write:
    """Write a mail to the tracker, signed unless said otherwise, each a second after the one before."""

    def written(to: str, text: str, *, sender: str = ANN, subject: str = "", signed: bool = True) -> Delivered:
        office.now += timedelta(seconds=1)  # the same signature twice would be a replay
        key, to = tracker_keys[sender] if signed else None, f"{to}@bugs.example.org"
        return office.deliver(make_mail(sender=sender, to=to, subject=subject, text=text, key=key, at=office.now))

    return written


@pytest.fixture
def told() -> Callable[[Delivered], str]:
    """Called with what became of a mail, it shows the error mail to its sender, as one line."""

    def shown(delivered: Delivered) -> str:
        (answer,) = [mail for mail in delivered.sent if mail.answer]
        return " ".join(answer.text.split())

    return shown


@pytest.fixture
def bug(office: PostOffice) -> Callable[[], Bug]:
    """Ann has opened bug 1, and Bob has written to the tracker before; called, it shows how the bug is now."""
    with office.session() as session:
        for rows in (
            [Person(name="ann", address=ANN), Person(name="bob", address=BOB)],
            [Bug(number=1, title="The door squeaks", reporter="ann")],
            [Entry(bug=1, author="ann", text="It squeaks.", mail="the first"), Subscription(bug=1, person="ann")],
        ):
            session.add_all(rows)
            session.flush()

    def now() -> Bug:
        with office.session() as session:
            found = session.get_one(Bug, 1)
            session.expunge_all()
            return found

    return now


@pytest.fixture
def said(office: PostOffice) -> Callable[[], list[tuple[str, str]]]:
    """Called, it shows what was said of the bugs and done to them, and by whom."""

    def now() -> list[tuple[str, str]]:
        with office.session() as session:
            return [(entry.author, entry.text) for entry in session.scalars(select(Entry).order_by(Entry.id))]

    return now


@pytest.fixture
def names(office: PostOffice) -> Callable[[InstrumentedAttribute[str]], list[str]]:
    """Called with a column, such as that of tags, it shows what stands in it for bug 1."""

    def now(column: InstrumentedAttribute[str]) -> list[str]:
        with office.session() as session:
            return list(session.scalars(select(column).where(column.class_.bug == 1).order_by(column)))

    return now
