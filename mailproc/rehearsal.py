"""A dry run: what would be decided about the mail that waits; nothing is changed and nothing is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from mailproc.app import checked_engine, make_site
from mailproc.database.directory import DatabaseDirectory
from mailproc.drops import open_drop
from mailproc.inspection import Inspector
from mailproc.maildrops import Maildrop as Drop
from mailproc.settings import Maildrop, Settings

ASKED_AT_ONCE = 500  # uids


def rehearse(settings: Settings, maildrops: Sequence[Maildrop], limit: int | None) -> Iterator[dict[str, Any]]:
    """A record for each waiting message, named ``MAILDROP/UID``; the maildrops are only looked at (EXAMINE)."""
    site = make_site(settings, DatabaseDirectory(checked_engine(settings)))
    left = limit
    for maildrop in maildrops:
        drop = open_drop(maildrop, readonly=True)
        try:
            for record in _records(drop, Inspector(site, maildrop.recipient_headers), left):
                left = None if left is None else left - 1
                yield record
        finally:
            drop.close()


def _records(drop: Drop, inspector: Inspector, limit: int | None) -> Iterator[dict[str, Any]]:
    uids = drop.uids()[:limit]
    for start in range(0, len(uids), ASKED_AT_ONCE):
        for waiting in drop.waiting(uids[start : start + ASKED_AT_ONCE]):
            name = f"{drop.name}/{waiting.uid}"
            if waiting.size > inspector.site.max_size:
                yield inspector.too_big(name, waiting.size)
                continue
            for fetched in drop.fetch([waiting]):
                digest = hashlib.sha256(fetched.raw).hexdigest()
                yield inspector.mail(name, fetched.raw, len(fetched.raw), digest, waiting.arrival)
