"""mailproc: mail in, handlers run, nothing lost. What a handler's author imports."""

from typing import TYPE_CHECKING

from mailproc.errors import Rejected, Transient
from mailproc.handler import handler
from mailproc.principal import Trust

__all__ = ["Delivery", "Outcome", "Rejected", "Reply", "Transient", "Trust", "handler"]

if TYPE_CHECKING:
    from mailproc.delivery import Delivery
    from mailproc.outcome import Outcome
    from mailproc.reply import Reply
else:

    def __getattr__(name: str) -> object:
        """Import what reads mail when it is first asked for: cron starts us every minute, and mostly there is no mail."""
        if name not in ("Delivery", "Outcome", "Reply"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from mailproc.delivery import Delivery
        from mailproc.outcome import Outcome
        from mailproc.reply import Reply

        globals().update(Delivery=Delivery, Outcome=Outcome, Reply=Reply)
        return globals()[name]
