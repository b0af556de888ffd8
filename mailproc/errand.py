"""What a handler's ``perform`` gets: one intent that is being carried out, and what has been done of it already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Errand:
    """An intent whose time has come: its message is committed, and what it wants done elsewhere is to be done now.

    ``perform`` returns a note for the ledger when it is done. It raises `Transient` where it is not possible now (tried again
    for up to 4 days, after a minute, two, four ... or after the seconds that ``Transient(..., after=...)`` says), `Away` where
    none of the handler's errands is, `Rejected` where it never will be; anything else is a bug.

    It may be called again after a crash in the midst of it, so `note` each step that cannot be undone as soon as it is done,
    and look into ``progress`` before.

    ``id``          stable over every try, visible ASCII: use it as the key with which the other side knows a repetition
    ``payload``     what the handler put into the intent
    ``progress``    what `note` has kept, by name
    ``attempt``     1 for the first try
    ``uncertain``   an earlier try ended without a word: what it did after its last `note` may have been done
    ``created_at``  when the outcome was committed
    ``log``         a logger whose records carry the id
    """

    id: str
    payload: Mapping[str, object]
    progress: Mapping[str, object]
    attempt: int
    uncertain: bool
    created_at: datetime
    log: logging.LoggerAdapter[logging.Logger]
    _raw: Callable[[], bytes]
    _note: Callable[[str, object], None]

    @property
    def raw(self) -> bytes:
        """The mail as it was received, read from the archive; raises `Away` when that is away."""
        return self._raw()

    def note(self, name: str, value: object) -> None:
        """Keep durably that a step is done, and what came of it, as JSON; ``progress`` of the next try has it."""
        self._note(name, value)
