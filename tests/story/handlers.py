"""The handlers of the story: two shops, one open house, and a workshop in which things break."""

from __future__ import annotations

import sqlalchemy as sa

from mailproc import Delivery, Outcome, Trust, handler
from tests.crash.deeds import effect

# What each database says at run time that a computation is impossible.
DIVIDE = {"postgresql": "SELECT 1/0", "sqlite": "SELECT abs(-9223372036854775808)"}


class Unauthorized(Exception):
    """An error that a web framework would answer with a login page, and not report."""


def _remember(delivery: Delivery, where: str) -> Outcome:
    """Write down who has written what to whom; it stands only if the outcome does."""
    name = f"{where}: {delivery.message.subject} by {delivery.sender.user or 'nobody'}, {delivery.sender.trust}"
    row = {"name": name, "recipient": str(delivery.recipient), "attempt": delivery.attempt}
    delivery.session.execute(sa.insert(effect).values(row))
    return delivery.handled(name)


@handler()
def maps(delivery: Delivery) -> Outcome:
    """Take what known users write."""
    return _remember(delivery, "maps")


@handler()
def songs(delivery: Delivery) -> Outcome:
    """Take it too, and be another handler."""
    return _remember(delivery, "songs")


@handler(requires=Trust.NONE)
def open_house(delivery: Delivery) -> Outcome:
    """Take what anybody writes."""
    return _remember(delivery, "open house")


@handler()
def workshop(delivery: Delivery) -> Outcome:
    """Write, and then break in the way that the subject says."""
    _remember(delivery, "workshop")
    match delivery.message.subject:
        case "divide":
            delivery.session.execute(sa.text(DIVIDE[delivery.session.get_bind().dialect.name]))
        case "forbidden":
            raise Unauthorized("not without a login")
        case "locked":
            raise PermissionError("the door is locked")
    raise LookupError("the hammer is not where it should be")
