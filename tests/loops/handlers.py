"""A handler that answers everything, in the way that a file beside it says: a reply, a rejection, a crash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailproc import Delivery, Outcome, Trust, handler


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class AnswersAll:
    """The handler; the file ``way`` in ``folder`` says how it answers, the recipient's local part where that names a way."""

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Answer, whoever wrote."""
        local = delivery.recipient.local
        way = local if local in WAYS else (self.folder / "way").read_text()
        if way == "crash":
            raise LookupError("a bug of the handler")
        if way == "reject":
            return delivery.reject("There is no such book.", failing_commands=["open book"])
        return delivery.handled("answered", send=[delivery.reply("Thank you.")])


WAYS = ("reply", "reject", "crash")
