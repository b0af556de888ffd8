"""`mailproc status`: the books."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.configured import reading, with_settings
from mailproc.cli.listing import facts, format_option

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from mailproc.settings import Settings

_NAMED = 5  # users in a line


@click.command()
@format_option
@with_settings
def status(settings: Settings, form: str) -> int:
    """Say how many mails came, what became of them, and when each maildrop was last emptied.

    Exit status 70 when the books do not balance: seen = handled + dropped + rejected + failed + waiting.
    """
    books = _books(settings)
    if form == "text":
        last = books.pop("maildrops")
        books |= {f"last success of {name}": when or "never" for name, when in last.items()}
        large = books.pop("too_large")
        books |= {f"too large in {name}": number for name, number in large.items() if number}
        del books["last_success"]
        books |= {f"warning {number}": text for number, text in enumerate(books.pop("warnings"), 1)}
        books |= _stopped(settings)
    facts(books, form)
    return os.EX_OK if books["balanced"] else os.EX_SOFTWARE


def _books(settings: Settings) -> dict[str, Any]:
    """The counts, and the times of the last runs; ``last_success`` is the oldest of them, None when one is missing."""
    from dataclasses import asdict

    from mailproc.database import books, errands, outbox
    from mailproc.state import State

    with reading(settings) as connection:
        balance = books.balance(connection)
        unsent, undone = outbox.waiting(connection), errands.waiting(connection)
        warnings = _warnings(connection)
    state = State(settings.state)
    last = {maildrop.name: state.last_success(maildrop.name) for maildrop in settings.maildrops}
    times = [when for when in last.values() if when is not None]
    oldest = min(times) if times and len(times) == len(last) else None
    return {
        **asdict(balance),
        "outbox": unsent,
        "errands": undone,
        "last_success": oldest,
        "balanced": balance.balanced,
        "maildrops": last,
        "too_large": {maildrop.name: len(state.too_large(maildrop.name)) for maildrop in settings.maildrops},
        "warnings": warnings,
    }


def _warnings(connection: Connection) -> list[str]:
    """What somebody should see to before it is told to senders: keys that expire, users whose every key has."""
    from datetime import UTC, datetime

    from mailproc.database.keys import expiring_keys, users_without_good_keys

    now = datetime.now(UTC)
    states = [key.state(now) for key in expiring_keys(connection, now)]
    lost = users_without_good_keys(connection, now)
    texts = {
        "keys that have expired": states.count("expired"),
        "keys that expire within 30 days": states.count("expiring"),
    }
    warnings = [f"{number} {text}; type: mailproc key list" for text, number in texts.items() if number]
    return [*warnings, f"no good key is left to {_some(lost)}: their signed mail is rejected"] if lost else warnings


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} others" if more > 0 else "")


def _stopped(settings: Settings) -> dict[str, str]:
    """The stop file, if it is there: nobody should wonder why nothing is handled."""
    from mailproc.state import State

    state = State(settings.state)
    return {"stopped by": str(state.folder / "stop")} if state.stop_requested else {}
