"""A handler that takes everybody's mail and keeps what it read of it."""

from __future__ import annotations

import sqlalchemy as sa

from mailproc import Delivery, Outcome, Trust, handler
from tests.crash.deeds import effect


@handler(requires=Trust.NONE)
def open_house(delivery: Delivery) -> Outcome:
    """Write down whose mail it is, as far as that is known, and its first line."""
    sender, text = delivery.sender.user or "nobody", delivery.message.text.partition("\n")[0]
    row = {"name": f"{sender}: {text}", "recipient": str(delivery.recipient), "attempt": delivery.attempt}
    delivery.session.execute(sa.insert(effect).values(row))
    return delivery.handled()


@handler(requires=Trust.NONE)
def proofs(delivery: Delivery) -> Outcome:
    """Write down whose mail it is, how sure we are of that, and by what."""
    sender = delivery.sender
    row = {
        "name": f"{sender.user or 'nobody'} {sender.trust} {sender.method}",
        "recipient": str(delivery.recipient),
        "attempt": delivery.attempt,
    }
    delivery.session.execute(sa.insert(effect).values(row))
    return delivery.handled()
