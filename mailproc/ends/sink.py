"""`sink`: mail is taken in, and that is all."""

from __future__ import annotations

from mailproc import Delivery, Outcome, Trust, handler


@handler(requires=Trust.NONE)
def sink(delivery: Delivery) -> Outcome:
    """Take the mail; it is in the archive and in the ledger, and nothing else is done with it."""
    return delivery.handled()
