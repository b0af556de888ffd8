"""Receiving: first the bytes are durable, then the receipts are open. Only then may anybody parse them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailproc.archive import Archive
from mailproc.database import ledger, owners
from mailproc.database.engine import writing
from mailproc.database.ledger import Entry, Opening, Place, Started
from mailproc.envelope import Envelope
from mailproc.failpoints import failpoint
from mailproc.processing.works import Works
from mailproc.reading import Message
from mailproc.recipients import Recipients

log = logging.getLogger("mailproc")

# Every commit of a chunk renews it; in between lie the look at one chunk and about one handler (`limits.message_time`). A run
# that is believed dead too early loses only its work: the claims of its receipts have risen, and it can commit nothing.
LEASE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as an entrance hands it over.

    ``raw`` is the whole, except of a mail that is too big: then it is the beginning, and ``sha256`` and ``archive_url``
    are those of the whole, which has been streamed into the archive. ``message`` is its lazy reader, of which only the
    header may be looked at before there is a receipt. ``size`` is the true one in octets. ``client_waits`` says that somebody
    at a door waits for the end: they are told there and not by mail, and the mail is theirs until they have heard a 250.
    """

    raw: bytes
    message: Message
    size: int
    arrival: datetime
    entrance: str
    recipients: Recipients
    place: Place | None = None
    reverse_path: str | None = None
    sha256: str | None = None
    archive_url: str | None = None
    client_waits: bool = False


@dataclass(frozen=True, slots=True)
class Parcel:
    """A received message: where it is kept, and its entry in the ledger for each recipient."""

    arrived: Arrived
    sha256: str
    archive_url: str
    entries: tuple[Entry, ...]

    def envelope(self, recipient: str) -> Envelope:
        """The message for one of its recipients."""
        return Envelope(self.arrived.reverse_path, recipient, self.arrived.raw)


def renew_lease(works: Works, conn: Connection) -> None:
    """Say that this run lives: a machine that cannot see our lock believes it for as long as the lease lasts."""
    owners.renew_lease(conn, works.owner.id, works.owner.host, works.clock() + LEASE)


def receive(works: Works, arrived: Sequence[Arrived]) -> list[Parcel]:
    """Archive a chunk and open its receipts (T1).

    Raises `Away` when the archive or the database is; then the mail is still where it was.
    """
    kept = archive(works.archive, arrived)
    now = works.clock()
    openings = [openings_of(one, sha256, url) for one, (sha256, url) in zip(arrived, kept, strict=True)]
    works.note_pending()
    failpoint("receive")
    with writing(works.engine) as conn:
        renew_lease(works, conn)
        everything = [opening for group in openings for opening in group]
        entries = ledger.receive(conn, everything, me=works.owner.id, others=works.owner.others(conn), now=now)
        failpoint("attempt")
    parcels = [
        Parcel(one, sha256, url, tuple(entries[opening.id] for opening in group))
        for one, (sha256, url), group in zip(arrived, kept, openings, strict=True)
    ]
    for parcel in parcels:
        _tell_doubt(parcel)
    return parcels


def _tell_doubt(parcel: Parcel) -> None:
    """A recipient that the MTA did not write down was told by the sender alone, and the administrator should know."""
    found = parcel.arrived.recipients
    if found.doubt and any(isinstance(entry, Started) for entry in parcel.entries):
        log.log(logging.INFO if found.suspect else logging.WARNING, "%s; the mail is %s", found.doubt, parcel.archive_url)


def archive(kept: Archive, arrived: Sequence[Arrived]) -> list[tuple[str, str]]:
    """Digest and address of each, all durable in one step."""
    urls = iter(kept.put_many([one.raw for one in arrived if one.archive_url is None]))
    return [
        (one.sha256 or hashlib.sha256(one.raw).hexdigest(), next(urls) if one.archive_url is None else one.archive_url)
        for one in arrived
    ]


def openings_of(one: Arrived, sha256: str, url: str) -> list[Opening]:
    """What the receipts of a message are opened with, one for each recipient."""
    return [
        Opening(
            sha256=sha256,
            recipient=recipient,
            size=one.size,
            entrance=one.entrance,
            place=one.place,
            reverse_path=one.reverse_path,
            message_id=one.message.message_id,
            archive_url=url,
            arrival=one.arrival,
        )
        for recipient in one.recipients.addresses
    ]
