"""mailproc: mail in, handlers run, nothing lost. What a handler's author imports."""

from typing import TYPE_CHECKING

from mailproc.errors import Away, MissingProgram, Rejected, SettingsError, Transient
from mailproc.handler import handler
from mailproc.principal import Trust

__all__ = [
    "Address",
    "Away",
    "Delivery",
    "Errand",
    "Forward",
    "Intent",
    "Mail",
    "MissingProgram",
    "Outcome",
    "Rejected",
    "Reply",
    "SettingsError",
    "Transient",
    "Trust",
    "handler",
]

if TYPE_CHECKING:
    from mailproc.address import Address
    from mailproc.delivery import Delivery
    from mailproc.errand import Errand
    from mailproc.outcome import Forward, Intent, Mail, Outcome
    from mailproc.reply import Reply
else:
    _READ_MAIL = {
        "Address": "address",
        "Delivery": "delivery",
        "Errand": "errand",
        "Forward": "outcome",
        "Intent": "outcome",
        "Mail": "outcome",
        "Outcome": "outcome",
        "Reply": "reply",
    }

    def __getattr__(name: str) -> object:
        """Import what reads mail when it is first asked for: cron starts us every minute, and mostly there is no mail."""
        if name not in _READ_MAIL:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found: object = getattr(import_module(f"mailproc.{_READ_MAIL[name]}"), name)
        globals()[name] = found
        return found
