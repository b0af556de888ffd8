"""Deferral and patience: what waits, for how long, and what comes of it when that is over (RFC 5321 section 4.5.4.1)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailproc.database import spool
from mailproc.database.engine import writing
from mailproc.database.tables import receipt as receipt_table
from mailproc.maildrops.memory import MemoryDrop
from mailproc.processing.reworking import expire
from tests.installation import Clock, Installation, make_mail

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class CountingDrop(MemoryDrop):
    """A maildrop that counts the bodies that are fetched from it."""

    fetched = 0

    def fetch(self, waiting):  # noqa: D102
        self.fetched += len(waiting)
        return super().fetch(waiting)


@pytest.fixture
def drop() -> CountingDrop:
    """An empty maildrop that counts."""
    return CountingDrop("main")


@pytest.mark.parametrize("deed", ["defer", "transient"])
def test_a_deferred_mail_waits_from_a_minute_to_an_hour(
    installation: Installation, drop: CountingDrop, clock: Clock, deed: str
) -> None:
    """It stays, gives its start back, and is not fetched before it is due: after 1, 2, 4 ... 32 and then 60 minutes."""
    drop.add(make_mail(f"1 {deed}"))
    works = installation.works(clock)
    for number, minutes in enumerate([1, 2, 4, 8, 16, 32, 60, 60], start=1):
        installation.empty(works, drop)
        (receipt,) = installation.receipts()
        assert (receipt.disposition, receipt.attempts, receipt.deferrals) == (None, 0, number)
        assert receipt.retry_at == clock.now + minutes * MINUTE
        clock.forward(minutes * MINUTE - timedelta(seconds=1))
        installation.empty(works, drop)
        assert (len(installation.calls()), drop.fetched, drop.uids()) == (number, number, ["1"])
        clock.forward(timedelta(seconds=1))
    assert (installation.oopses(), installation.effects(), installation.outbox()) == ([], [], [])


def test_a_mail_that_was_deferred_for_four_days_has_failed(
    installation: Installation, drop: CountingDrop, clock: Clock
) -> None:
    """After four days it is failed with the OOPS "still waiting for", its sender is told, and it leaves."""
    drop.add(make_mail("1 defer"))
    works = installation.works(clock)
    for _ in range(4 * 24):
        installation.empty(works, drop)
        assert installation.dispositions() == [None]
        clock.forward(HOUR)
    installation.empty(works, drop)
    assert (installation.dispositions(), drop.uids()) == (["failed"], [])
    (oops,) = installation.oopses()
    assert "still waiting for the tide after 4 days" in oops.exception
    assert len(installation.outbox()) == 1


def test_a_deferred_mail_that_has_gone_from_its_maildrop_fails_too(
    installation: Installation, drop: CountingDrop, clock: Clock
) -> None:
    """Somebody took it away while it waited: after four days it is failed all the same, from the archive."""
    uid = drop.add(make_mail("1 defer"))
    works = installation.works(clock)
    installation.empty(works, drop)
    drop.remove(uid)
    clock.forward(4 * DAY + MINUTE)
    expire(works)
    assert installation.dispositions() == ["failed"]
    assert "still waiting for the tide after 4 days" in installation.oopses()[0].exception
    assert installation.balance().balanced


def test_a_clock_that_was_wrong_once_delays_nothing(installation: Installation, drop: CountingDrop, clock: Clock) -> None:
    """A mail that was deferred a year ahead is due as soon as the clock is right again, and deferred by it."""
    right = clock.now
    drop.add(make_mail("1 defer"))
    works = installation.works(clock)
    clock.forward(365 * DAY)
    installation.empty(works, drop)
    clock.now = right
    installation.empty(works, drop)
    (receipt,) = installation.receipts()
    assert (drop.fetched, receipt.deferrals, receipt.retry_at) == (2, 2, right + 2 * MINUTE)


def test_a_mail_that_has_gone_is_due_when_the_clock_is_right_again(
    installation: Installation, drop: CountingDrop, clock: Clock
) -> None:
    """What only the archive has does not wait for a time a year ahead either, but it does for one within the hour."""
    drop.add(make_mail("1 defer"))
    installation.empty(installation.works(clock), drop)
    for ahead, due in ((MINUTE, 0), (HOUR, 0), (365 * DAY, 1), (timedelta(0), 1)):
        with writing(installation.engine) as conn:
            conn.execute(sa.update(receipt_table).values(retry_at=clock.now + ahead, deleted_at=clock.now))
            assert len(spool.waiting(conn, clock.now, behind=None, limit=10)) == due


def test_a_deferral_is_no_start(installation: Installation, drop: CountingDrop, clock: Clock) -> None:
    """A mail that was deferred ten times is not given up: only starts without an outcome count."""
    drop.add(make_mail("1 defer"))
    works = installation.works(clock)
    for _ in range(10):
        installation.empty(works, drop)
        clock.forward(HOUR)
    assert (installation.receipts()[0].attempts, len(installation.calls()), installation.oopses()) == (0, 10, [])


def test_a_relay_that_is_away_for_a_day_fails_nothing(installation: Installation, drop: CountingDrop, clock: Clock) -> None:
    """Run after run the answer waits, and mail that comes in meanwhile is handled; then it is sent once."""
    assert installation.relay is not None
    installation.relay.stop()
    works = installation.works(clock)
    for hour in range(24):
        drop.add(make_mail(f"{hour + 10} reply"))
        installation.empty(works, drop)
        installation.flush(works)
        clock.forward(HOUR)
    assert installation.dispositions() == ["handled"] * 24
    assert all((row.sent_at, row.failed_at) == (None, None) for row in installation.outbox())
    installation.relay.start()
    clock.forward(HOUR)
    installation.flush(works)
    installation.flush(works)
    assert len(installation.sent()) == 24
    assert len({mail["Message-ID"] for mail in installation.sent()}) == 24
    assert installation.oopses() == []


def test_a_relay_that_is_away_for_five_days_fails_the_mail(
    installation: Installation, drop: CountingDrop, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be sent for four days has failed: an OOPS and an ERROR say so, and it is not tried again."""
    assert installation.relay is not None
    installation.relay.stop()
    drop.add(make_mail("1 reply"))
    works = installation.works(clock)
    installation.empty(works, drop)
    for _ in range(5 * 24):
        installation.flush(works)
        clock.forward(HOUR)
    (row,) = installation.outbox()
    assert (row.sent_at, row.failed_at is not None) == (None, True)
    (oops,) = installation.oopses()
    assert "a mail could not be sent" in oops.exception
    assert any(oops.id in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    installation.relay.start()
    installation.flush(works)
    assert installation.sent() == []
    assert installation.dispositions() == ["handled"]


def test_what_the_relay_refuses_for_good_is_final(installation: Installation, drop: CountingDrop, clock: Clock) -> None:
    """A 5xx ends the mail at once, a 4xx has it wait, and neither touches the message that it answers."""
    assert installation.relay is not None
    drop.add(make_mail("1 reply"))
    works = installation.works(clock)
    installation.empty(works, drop)
    installation.relay.refuse["ann@example.com"] = "451 4.3.0 later"
    installation.flush(works)
    assert [(row.attempts, row.failed_at) for row in installation.outbox()] == [(1, None)]
    installation.relay.refuse["ann@example.com"] = "550 5.1.1 no such user"
    clock.forward(MINUTE)
    installation.flush(works)
    assert [(row.failed_at == clock.now, row.reply) for row in installation.outbox()] == [(True, "550 5.1.1 no such user")]
    assert (installation.dispositions(), installation.oopses()) == (["handled"], [])
