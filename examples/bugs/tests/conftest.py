"""A tracker with three users, two of whom can sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bugs.models import Base, Bug

from mailproc.testing import Delivered, PostOffice, SigningKey, make_mail

ANN, BOB, CID = "ann@example.com", "Bob@example.com", "cid@example.com"

LONG_AGO = datetime.now(UTC) - timedelta(days=30)  # no signature may be younger than the present

Write = Callable[..., Delivered]


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
def bug(office: PostOffice, write: Write) -> Callable[[], Bug]:
    """Ann has opened bug 1; called, it shows how the bug is now."""
    assert write("new", "It squeaks.", subject="The door squeaks").disposition == "handled"

    def now() -> Bug:
        with office.session() as session:
            found = session.get_one(Bug, 1)
            found.entries, found.subscribers, found.tags  # noqa: B018 - read before the session ends
            session.expunge_all()
            return found

    return now
