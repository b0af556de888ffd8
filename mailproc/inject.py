"""Mail in files, by hand: each message becomes receipts that wait, and a run works them like any other mail that is ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Engine

from mailproc.app import bind_domains, checked_engine, make_archive, make_limits, recipient_headers
from mailproc.archive import Archive
from mailproc.errors import Rejected
from mailproc.letters import Letter, letters
from mailproc.pipeline import Binding
from mailproc.processing.gathering import Gathered, gather
from mailproc.processing.policy import ChunkLimits
from mailproc.processing.receiving import Arrived
from mailproc.reading import one_line
from mailproc.reception.arriving import written
from mailproc.reception.spool import MOST_MAILS, MOST_OCTETS, Spooled
from mailproc.recipients import Recipients, recipients_of, reverse_path_of
from mailproc.registry import Registry
from mailproc.settings import Settings
from mailproc.state import State

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Injection:
    """What is taken in from files, and how far that got.

    ``recipients`` none means that the mails say it, as in a maildrop; ``reverse_path`` None the same. ``messages`` counts what
    was taken, ``known`` those of them that the ledger had already, ``failed`` what could not be read.
    """

    settings: Settings
    recipients: Sequence[str] = ()
    reverse_path: str | None = None
    messages: int = 0
    known: int = 0
    failed: int = 0
    _engine: Engine = field(init=False)
    _archive: Archive = field(init=False)
    _registry: Registry[Binding] = field(init=False)
    _limits: ChunkLimits = field(init=False)
    _state: State = field(init=False)

    def __post_init__(self) -> None:
        self._registry = bind_domains(self.settings)
        self._engine = checked_engine(self.settings)
        self._archive = make_archive(self.settings)
        self._limits = make_limits(self.settings)
        self._state = State(self.settings.state)

    def take(self, names: Sequence[str], mbox: bool | None) -> None:
        """Make all messages of these files durable, and ours; what cannot be read does not stop the others. Raises `Away`."""
        try:
            for chunk in self._chunks(names, mbox):
                self._accept(chunk)
        finally:
            self._engine.dispose()  # who is forked from us must not inherit a connection
            self._state.pending.let_go()  # nor is our lock on the marker needed any more

    def _chunks(self, names: Sequence[str], mbox: bool | None) -> Iterator[list[Arrived]]:
        chunk: list[Arrived] = []
        octets = 0
        for arrived in self._all(names, mbox):
            if chunk and (octets + len(arrived.raw) > MOST_OCTETS or len(chunk) == MOST_MAILS):
                yield chunk
                chunk, octets = [], 0
            chunk.append(arrived)
            octets += len(arrived.raw)
        if chunk:
            yield chunk

    def _all(self, names: Sequence[str], mbox: bool | None) -> Iterator[Arrived]:
        for name in names:
            try:
                for letter in letters(name, mbox, self._state.temporary):
                    yield from self._one(letter)
            except (OSError, ValueError) as error:
                self._note(name, error)

    def _one(self, letter: Letter) -> Iterator[Arrived]:
        try:
            yield self._arrived(letter)
        except (OSError, Rejected) as error:
            self._note(letter.place, error)

    def _note(self, place: str, error: Exception) -> None:
        self.failed += 1
        what = error.strerror if isinstance(error, OSError) else None
        log.error("%s: %s", one_line(place, 500) or "''", what or error)

    def _arrived(self, letter: Letter) -> Arrived:
        mail = gather(letter.pieces, self._archive, self._limits)
        path = reverse_path_of(mail.message.header) if self.reverse_path is None else self.reverse_path
        return Arrived(
            raw=mail.raw,
            message=mail.message,
            size=mail.size,
            arrival=letter.arrival,
            entrance="file",
            recipients=self._recipients(mail),
            reverse_path=path,
            sha256=mail.sha256,
            archive_url=mail.archive_url,
        )

    def _recipients(self, mail: Gathered) -> Recipients:
        if self.recipients:
            return Recipients(tuple(dict.fromkeys(map(written, self.recipients))))
        return recipients_of(mail.message.header, mail.raw, recipient_headers(self.settings), self._registry)

    def _accept(self, chunk: Sequence[Arrived]) -> None:
        accepted = Spooled(self._engine, self._archive, self._state.pending.set, self._state.note_spooled).accept(chunk)
        new = set(accepted.new)
        for ids in accepted.ids:
            self.messages += 1
            self.known += new.isdisjoint(ids)
            new.difference_update(ids)  # of a second copy in the same chunk
