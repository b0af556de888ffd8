"""How many mails a realm takes, and that each is counted once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.gateway import tables
from mailproc.gateway.rates import Rate, count, read_rates, spent

NOON = datetime(2026, 11, 6, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def session() -> Iterator[Session]:
    """A database with the tables alone."""
    engine = sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def taken(session: Session, rates: tuple[Rate, ...], times: list[float], realm: str = "chat") -> list[bool]:
    """Whether a mail is taken at each of these times."""
    answers = []
    for at in map(after, times):
        free = spent(session, realm, rates, at) is None
        if free:
            count(session, realm, rates, at)
        answers.append(free)
    return answers


def test_rules_are_read() -> None:
    """As mails and seconds."""
    assert read_rates(["50/60", "600/3600"]) == (Rate(50, 60), Rate(600, 3600))
    assert read_rates([]) == ()


@pytest.mark.parametrize(
    "rule", ["", "50", "50/", "/60", "0/60", "50/0", "-1/60", "50/60/70", "50 / 60", "\u0665/60", "50/60\n", "1e3/60"]
)
def test_a_rule_that_is_none_is_named(rule: str) -> None:
    """With the fix."""
    with pytest.raises(ValueError, match=r'^rates: .* is no rate; write 50 mails in 60 seconds as "50/60"'):
        read_rates(["120/300", rule])


def test_what_is_over_a_rate_waits_until_the_window_has_passed(session: Session) -> None:
    """Two in ten seconds: the third comes again; what was not taken does not count."""
    rates = read_rates(["2/10"])
    times = [0, 5, 6, 9, 10, 11, 15]
    assert taken(session, rates, times) == [True, True, False, False, True, False, True]


def test_all_rates_hold(session: Session) -> None:
    """The one that is spent is told."""
    rates = read_rates(["2/10", "3/100"])
    assert taken(session, rates, [0, 1, 2, 20, 40]) == [True, True, False, True, False]
    assert spent(session, "chat", rates, after(40)) == Rate(3, 100)
    assert str(Rate(3, 100)) == "3 mails in 100 s"
    assert taken(session, rates, [3600]) == [True]


def test_a_realm_does_not_pay_for_another(session: Session) -> None:
    """Each has its own."""
    rates = read_rates(["1/10"])
    assert taken(session, rates, [0, 0]) == [True, False]
    assert taken(session, rates, [0], realm="other") == [True]


def test_asking_counts_nothing(session: Session) -> None:
    """However often a door asks."""
    rates = read_rates(["1/10"])
    assert [spent(session, "chat", rates, after(0)) for _ in range(5)] == [None] * 5
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.rate)) == 0


def test_what_counts_no_longer_is_forgotten(session: Session) -> None:
    """The table stays as small as its longest window; without rates nothing is kept."""
    rates, kept = read_rates(["1000/10", "1000/100"]), sa.select(tables.rate.c.at).order_by(tables.rate.c.at)
    taken(session, rates, [0, 50, 99, 100, 149])
    assert session.scalars(kept).all() == [
        after(50),
        after(99),
        after(100),
        after(149),
    ]
    assert taken(session, (), [0], realm="free") == [True]
    assert session.scalar(sa.select(sa.func.count()).where(tables.rate.c.realm == "free")) == 0


def test_a_clock_that_was_fast_costs_nothing(session: Session) -> None:
    """What was counted in the year to come counts no longer once the clock is right, and is forgotten."""
    rates = read_rates(["2/10"])
    assert taken(session, rates, [365 * 86400, 365 * 86400 + 1]) == [True, True]
    assert taken(session, rates, [0, 1, 2, 11]) == [True, True, False, True]
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.rate)) == 1
