"""What the subscribers of bugs are told."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import select

from bugs.desk import Desk
from bugs.models import Bug, Entry, Person, Subscription
from mailproc import Delivery, Mail
from mailproc.commands import disarmed


def notices(delivery: Delivery, desk: Desk) -> list[Mail]:
    """Mails on what this mail has said of bugs and done to them: to their subscribers, but not to its author."""
    desk.session.flush()
    said = desk.session.scalars(select(Entry).where(Entry.mail == desk.mail).order_by(Entry.bug, Entry.id)).all()
    return [
        delivery.mail(address, f"[Bug {number}] {bug.title}", text)
        for number, entries in groupby(said, lambda entry: entry.bug)
        for bug, text in [_notice(desk, number, entries, delivery.recipient.domain)]
        for address in _addresses(desk, number)
    ]


def _notice(desk: Desk, number: int, entries: Iterable[Entry], domain: str) -> tuple[Bug, str]:
    """A bug, and what is told of it; no line of that is a command for whoever answers it."""
    bug = desk.session.get_one(Bug, number)
    said = "\n\n".join(disarmed(entry.text) for entry in entries)
    ways = f"Write to {number}@{domain} to comment, to help@{domain} for the commands."
    return bug, f"{desk.me.name} on bug {number}, {bug.title}:\n\n{said}\n\n-- \n{ways}\n"


def _addresses(desk: Desk, number: int) -> Iterable[str]:
    told = select(Person.address).join(Subscription, Subscription.person == Person.name)
    return desk.session.scalars(told.where(Subscription.bug == number, Person.name != desk.me.name).order_by(Person.name))
