"""A dry run: what would be decided about the mail that waits; nothing is changed and nothing is sent."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailproc.app import checked_engine, make_site
from mailproc.database.directory import DatabaseDirectory
from mailproc.drops import open_drop
from mailproc.envelope import BEGINNING
from mailproc.errors import MailprocError
from mailproc.exits import exit_status, gravest
from mailproc.inspection import Inspector
from mailproc.maildrops import Maildrop as Drop
from mailproc.maildrops import Waiting
from mailproc.settings import Maildrop, Settings
from mailproc.state import State

ASKED_AT_ONCE = 500  # uids

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Rehearsal:
    """A dry run of ``settings``; ``limit`` is a number of messages that counts down, ``status`` the exit status so far."""

    settings: Settings
    limit: int | None = None
    status: int = os.EX_OK

    def records(self, maildrops: Sequence[Maildrop]) -> Iterator[dict[str, Any]]:
        """A record for each waiting message, named ``MAILDROP/UID``; the maildrops are only looked at (EXAMINE).

        A maildrop that cannot be asked is logged, and the others go on.
        """
        State(self.settings.state).require()
        site = make_site(self.settings, DatabaseDirectory(checked_engine(self.settings)))
        for maildrop in maildrops:
            try:
                yield from self._of_one(maildrop, Inspector(site, maildrop.recipient_headers))
            except MailprocError as error:
                log.error("%s", error)
                self.status = gravest([self.status, exit_status(error)])

    def _of_one(self, maildrop: Maildrop, inspector: Inspector) -> Iterator[dict[str, Any]]:
        drop = open_drop(maildrop, readonly=True)
        try:
            for waiting in _waiting(drop, self.limit):
                record = self._record(drop, inspector, waiting)
                if record is not None:
                    self.limit = None if self.limit is None else self.limit - 1
                    yield record
        finally:
            drop.close()

    def _record(self, drop: Drop, inspector: Inspector, waiting: Waiting) -> dict[str, Any] | None:
        """The record of one message, of which no more is kept than is looked at; None when it has gone."""
        name = f"{drop.name}/{waiting.uid}"
        if waiting.size > self.settings.limits.max_archived:
            return inspector.too_large(name, waiting.size)
        seen = _Seen(BEGINNING if waiting.size > inspector.site.max_size else None)
        if not drop.stream(waiting, seen):
            return None
        return inspector.mail(name, seen.getvalue(), seen.size, seen.digest.hexdigest(), waiting.arrival)


class _Seen(io.BytesIO):
    """Takes a mail in pieces and keeps its digest, its size and its bytes, of a large one only the beginning."""

    def __init__(self, at_most: int | None) -> None:
        super().__init__()
        self._at_most = at_most
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, piece: Any, /) -> int:
        """Take the next piece."""
        self.digest.update(piece)
        self.size += len(piece)
        if self._at_most is None or self.tell() < self._at_most:
            super().write(piece)
        return len(piece)


def _waiting(drop: Drop, limit: int | None) -> Iterator[Waiting]:
    uids = drop.uids()[:limit]
    for start in range(0, len(uids), ASKED_AT_ONCE):
        yield from drop.waiting(uids[start : start + ASKED_AT_ONCE])
