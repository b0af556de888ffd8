"""What the operator wants of one maildrop, and how much one run may do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mailproc.envelope import MAX_SIZE

_Message = TypeVar("_Message")

WORST_FIRST = ("failed", "rejected", "dropped", "handled")


@dataclass(frozen=True, slots=True)
class DropPolicy:
    """What the operator wants of one maildrop.

    ``recipient_headers`` are the fields that the MTA writes, in order of trust. ``after`` says for a disposition what
    becomes of the message in the maildrop: ``delete``, ``keep`` or ``move:FOLDER``; delete where it says nothing.
    """

    recipient_headers: tuple[str, ...]
    after: Mapping[str, str] = field(default_factory=dict)

    def removal(self, dispositions: Sequence[str]) -> str:
        """What becomes of a message whose recipients' receipts ended so: the worst decides."""
        return self.after.get(min(dispositions, key=WORST_FIRST.index), "delete")


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """The bounds of a chunk and of a message, in messages and octets.

    A message over ``max_size`` is streamed into the archive and only its beginning goes on; one over ``max_archived``
    stays where it is.
    """

    messages: int = 50
    octets: int = 8 * 1024 * 1024
    max_size: int = MAX_SIZE
    max_archived: int = 256 * 1024 * 1024


@dataclass(slots=True)
class Budget:
    """How much this run may still do: a number of messages, and a moment (monotonic seconds) to stop at."""

    messages: int | None = None
    deadline: float | None = None

    @property
    def late(self) -> bool:
        """Whether no further chunk may be begun."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def cut(self, messages: Sequence[_Message]) -> Sequence[_Message]:
        """As many of ``messages`` as the number allows, taken off it."""
        if self.messages is None:
            return messages
        allowed = messages[: self.messages]
        self.messages -= len(allowed)
        return allowed
