"""What processing works with: one value, made by the composition root and passed along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy.engine import Connection, Engine

from mailproc.answers import Answering
from mailproc.archive import Archive
from mailproc.pipeline import Site


class Watch(Protocol):
    """Who looks on: is told what is being worked, and says when to stop."""

    def starts(self, receipt_id: str, archive_url: str) -> None:
        """A message is about to be parsed or handled: if the process dies now, it was this one."""

    def finished(self, dispositions: Sequence[str]) -> None:
        """How these messages ended; it is committed."""

    def expects(self, number: int) -> None:
        """So many messages more are waiting."""

    def stopping(self) -> bool:
        """Whether to begin no further message."""

    def interruptible(self) -> AbstractContextManager[None]:
        """While inside, a stop that has waited too long may raise `Interrupted`."""


class Deaf:
    """The watch where nobody looks on."""

    def starts(self, receipt_id: str, archive_url: str) -> None:
        """Nobody to tell."""

    def finished(self, dispositions: Sequence[str]) -> None:
        """Nobody to tell."""

    def expects(self, number: int) -> None:
        """Nobody to tell."""

    def stopping(self) -> bool:
        """Nobody asks us to stop."""
        return False

    def interruptible(self) -> AbstractContextManager[None]:
        """Nothing interrupts."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Owner:
    """This run, as the ledger knows it, and how to find out which other runs live.

    ``host`` names the place whose runs can see each other's locks: a machine and a state folder on it.
    """

    id: str
    host: str
    living: Callable[[Connection], Set[str]]

    def others(self, conn: Connection) -> Set[str]:
        """The other runs that live."""
        return self.living(conn) - {self.id}


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Works:
    """Everything that turns bytes into outcomes.

    ``note_pending`` is called before a commit or a deletion that leaves something to do if we die. ``deaths`` tells, by
    receipt id, how earlier workers of this run ended. ``note_debt`` takes the ids of receipts whose start is to be given back
    as soon as the database can be written again, ``note_too_large`` the uids of what stays in a maildrop because of its size.
    ``give_way`` is called before each chunk: it waits a moment where clients wait for the disk and the database.
    """

    engine: Engine
    archive: Archive
    site: Site
    answering: Answering | None
    owner: Owner
    clock: Callable[[], datetime] = utc_now
    watch: Watch = field(default_factory=Deaf)
    note_pending: Callable[[], None] = lambda: None
    give_way: Callable[[], None] = lambda: None
    note_debt: Callable[[Sequence[str]], None] = lambda ids: None
    note_too_large: Callable[[str, Sequence[str]], None] = lambda maildrop, uids: None
    deaths: Mapping[str, str] = field(default_factory=dict)
    verify_threads: int = 2
