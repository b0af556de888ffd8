"""How many mails for channels a realm takes: rules such as 50 in 60 seconds, all of which hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.gateway.tables import rate

_RULE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,6})")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``mails`` in any ``seconds``."""

    mails: int
    seconds: int

    def since(self, now: datetime) -> datetime:
        """When the time began in which mails count."""
        return now - timedelta(seconds=self.seconds)

    def __str__(self) -> str:
        return f"{self.mails} mails in {self.seconds} s"


def read_rates(rules: Iterable[str]) -> tuple[Rate, ...]:
    """The rates of rules such as "50/60"; raises ValueError, which begins with the option's name."""
    found = [(rule, _RULE.fullmatch(rule)) for rule in rules]
    for rule, matched in found:
        if matched is None:
            raise ValueError(f'rates: {rule!a} is no rate; write 50 mails in 60 seconds as "50/60"')
    return tuple(Rate(int(matched[1]), int(matched[2])) for _, matched in found if matched)


def spent(session: Session, realm: str, rates: Iterable[Rate], now: datetime) -> Rate | None:
    """The rate that leaves no room for one mail more, None while there is room; nothing is counted.

    What was counted while a clock was fast does not count.
    """
    counted = sa.select(rate.c.at).where(rate.c.realm == realm, rate.c.at <= now).order_by(rate.c.at.desc())
    for each in rates:
        at = session.scalar(counted.offset(each.mails - 1).limit(1))
        if at is not None and at > each.since(now):
            return each
    return None


def count(session: Session, realm: str, rates: Sequence[Rate], now: datetime) -> None:
    """Count one mail, and forget those that count no longer; two at once on PostgreSQL may both have the last place."""
    if not rates:
        return
    oldest = min(each.since(now) for each in rates)
    session.execute(sa.delete(rate).where(rate.c.realm == realm, sa.or_(rate.c.at <= oldest, rate.c.at > now)))
    session.execute(sa.insert(rate).values(realm=realm, at=now))
