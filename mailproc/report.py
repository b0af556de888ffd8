"""The report to the administrator: what failed, what was rejected, and whom our mail does not reach any more.

It travels by mail, and what it tells of was refused by somebody: so it names no subjects, and senders without the ``@`` and the
dots by which filters know addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailproc.database.unreported import Item, Kind
from mailproc.reading import one_line

MOST_LISTED = 100  # of each kind; the rest is counted, and the command that lists it is named
_LONGEST = 300  # characters of a reason

_HEADINGS: dict[Kind, tuple[str, str]] = {
    "failed": ("failed", "Failed; the fault is ours or a handler's. mailproc oops show ID"),
    "undone": ("not done", "Not done elsewhere; the handler has given it up. mailproc messages show ID"),
    "unsent": ("not sent", "Refused by the relay for good; these addresses did not get our mail"),
    "noted": ("noted", "Noted by handlers"),
    "rejected": ("rejected", "Rejected; the senders were told where that is allowed. mailproc messages show ID"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """When there is enough to be told: at least ``count`` things, or one that is older than ``age``."""

    count: int = 1
    age: timedelta | None = None

    def reached(self, items: Sequence[Item], now: datetime) -> bool:
        """Whether a report is due; never without anything to tell."""
        if not items:
            return False
        return len(items) >= self.count or (self.age is not None and now - min(item.at for item in items) >= self.age)


def subject_of(items: Sequence[Item]) -> str:
    """How many of each kind there are: ``mailproc: 3 failed, 1 rejected``."""
    counts = [(sum(item.kind == kind for item in items), words) for kind, (words, _) in _HEADINGS.items()]
    return "mailproc: " + ", ".join(f"{count} {words}" for count, words in counts if count)


def text_of(items: Sequence[Item], host: str, recipient: Callable[[Item], str], *, bare: bool = False) -> str:
    """The report as plain text; a reason has a line of its own, however long.

    ``recipient`` answers how the address that a message was sent to is written. A ``bare`` report has no words of others: times
    and references alone, which no filter can take offence at.
    """
    first, last = (_time(when) for when in (min(item.at for item in items), max(item.at for item in items)))
    lines = [f"On {host}, from {first} to {last}."]
    if bare:
        lines += ["", "The relay refused the report with the words of mails in it; here are the references alone."]
    for kind, (_, title) in _HEADINGS.items():
        lines += _section([item for item in items if item.kind == kind], title, recipient, bare)
    return "\n".join(lines)


def _section(items: Sequence[Item], title: str, recipient: Callable[[Item], str], bare: bool) -> Iterator[str]:
    if not items:
        return
    yield from ("", f"{title}.", "")
    for number, item in enumerate(items[:MOST_LISTED], 1):
        if bare:
            yield f"{number:3}. {_time(item.at)}  {one_line(item.reference)}"
            continue
        yield f"{number:3}. {one_line(item.reason or '', _LONGEST) or 'no reason was recorded'}"
        facts = (
            ("time", _time(item.at)),
            ("from", _masked(item.sender or "")),
            ("to", one_line(recipient(item))),
            ("handler", one_line(item.handler or "")),
            ("reference", one_line(item.reference)),
        )
        yield from (f"     {name}: {value}" for name, value in facts if value)
    if len(items) > MOST_LISTED:
        yield f"     and {len(items) - MOST_LISTED} more"


def _masked(address: str) -> str:
    local, at, domain = one_line(address).rpartition("@")
    return f"{local} at {domain.replace('.', ' ')}" if at else domain


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
