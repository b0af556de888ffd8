"""Fetching what waits in a maildrop, in chunks whose count and bytes are bounded, so that memory stays flat."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mailproc.archive import Archive
from mailproc.database.ledger import Place
from mailproc.maildrops import Fetched, Maildrop, Waiting
from mailproc.pipeline import Site
from mailproc.processing.gathering import beginning_of
from mailproc.processing.policy import ChunkLimits, DropPolicy
from mailproc.processing.receiving import Arrived
from mailproc.reading import Message, read_message
from mailproc.recipients import Recipients, recipients_of, reverse_path_of

ASKED_AT_ONCE = 500  # uids whose sizes are asked in one command

log = logging.getLogger("mailproc")


@dataclass(frozen=True, slots=True)
class Fetching:
    """How one maildrop is fetched from; ``too_large`` are the uids of what stays there because of its size."""

    drop: Maildrop
    policy: DropPolicy
    limits: ChunkLimits
    site: Site
    archive: Archive
    too_large: list[str] = field(default_factory=list)

    def chunks(self, uids: Sequence[str], alone: Sequence[str]) -> Iterator[list[Arrived]]:
        """The messages ``uids`` in chunks, then those in ``alone`` one by one; what has vanished is left out."""
        for group in self._groups(uids, self.limits.messages):
            yield self._take(group)
        for group in self._groups(alone, 1):
            yield self._take(group)

    def _groups(self, uids: Sequence[str], at_most: int) -> Iterator[list[Waiting]]:
        """Sizes first, bodies later: a chunk ends before it would hold too many octets; a too big mail is one by itself."""
        group: list[Waiting] = []
        octets = 0
        for waiting in self._waiting(uids):
            alone = waiting.size > self.limits.max_size
            if group and (alone or len(group) >= at_most or octets + waiting.size > self.limits.octets):
                yield group
                group, octets = [], 0
            if alone:
                yield [waiting]
                continue
            group.append(waiting)
            octets += waiting.size
        if group:
            yield group

    def _waiting(self, uids: Sequence[str]) -> Iterator[Waiting]:
        for start in range(0, len(uids), ASKED_AT_ONCE):
            yield from self.drop.waiting(uids[start : start + ASKED_AT_ONCE])

    def _take(self, group: Sequence[Waiting]) -> list[Arrived]:
        if len(group) == 1 and group[0].size > self.limits.max_size:
            return self._take_large(group[0])
        return [self._arrived(fetched) for fetched in self.drop.fetch(group)]

    def _arrived(self, fetched: Fetched) -> Arrived:
        """Before a receipt is open, nothing but the bounded header block of a mail is looked at."""
        message = read_message(fetched.raw)
        return Arrived(
            raw=fetched.raw,
            message=message,
            size=len(fetched.raw),
            arrival=fetched.waiting.arrival,
            entrance="maildrop",
            recipients=self._recipients(message, fetched.raw),
            place=self._place(fetched.waiting),
            reverse_path=reverse_path_of(message.header),
        )

    def _take_large(self, waiting: Waiting) -> list[Arrived]:
        """Stream it into the archive, memory flat; only its beginning goes on."""
        if waiting.size > self.limits.max_archived:
            self.too_large.append(waiting.uid)
            log.warning("%s/%s: %d octets are too many to archive; it stays there", self.drop.name, waiting.uid, waiting.size)
            return []
        with self.archive.writer() as kept:
            if not self.drop.stream(waiting, kept):
                return []
            if kept.size < waiting.size:  # cut short: what is deleted on the strength of a part would be lost
                log.error("%s/%s: came only in part, and stays there", self.drop.name, waiting.uid)
                return []
            kept.keep()
        raw = beginning_of(self.archive, kept.url)
        message = read_message(raw)
        return [
            Arrived(
                raw=raw,
                message=message,
                size=kept.size,
                arrival=waiting.arrival,
                entrance="maildrop",
                recipients=self._recipients(message, raw),
                place=self._place(waiting),
                reverse_path=reverse_path_of(message.header),
                sha256=kept.sha256,
                archive_url=kept.url,
            )
        ]

    def _recipients(self, message: Message, raw: bytes) -> Recipients:
        return recipients_of(message.header, raw, self.policy.recipient_headers, self.site.registry)

    def _place(self, waiting: Waiting) -> Place:
        return Place(self.drop.name, self.drop.uidvalidity, waiting.uid)
