"""mailproc: mail in, handlers run, nothing lost. What a handler's author imports."""

from mailproc.delivery import Delivery
from mailproc.errors import Rejected, Transient
from mailproc.handler import handler
from mailproc.outcome import Outcome
from mailproc.principal import Trust

__all__ = ["Delivery", "Outcome", "Rejected", "Transient", "Trust", "handler"]
