"""A message as it comes in by a door: its envelope is what the session says, never what a header says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mailproc.address import Address
from mailproc.processing.receiving import Arrived
from mailproc.reading import read_message
from mailproc.reception.handover import Handover
from mailproc.recipients import POSTMASTER, Recipients


def arrived_at_door(
    raw: bytes, reverse_path: str, recipients: Sequence[str], *, entrance: str, arrival: datetime, client_waits: bool
) -> Arrived:
    """The message for processing; ``entrance`` is ``smtp`` or ``lmtp``, ``reverse_path`` "" the null path."""
    return Arrived(
        raw=raw,
        message=read_message(raw),
        size=len(raw),
        arrival=arrival,
        entrance=entrance,
        recipients=Recipients(tuple(map(written, recipients))),
        reverse_path=reverse_path,
        client_waits=client_waits,
    )


def handed_over(handover: Handover, *, client_waits: bool) -> Arrived:
    """The same for a message that a door has handed to a worker."""
    return arrived_at_door(
        handover.raw,
        handover.reverse_path,
        handover.recipients,
        entrance=handover.entrance,
        arrival=datetime.fromtimestamp(handover.arrival, UTC),
        client_waits=client_waits,
    )


def written(recipient: str) -> str:
    """The recipient as the ledger has it: no case in a domain (RFC 5321 section 2.4), nor in a postmaster without one."""
    address = Address.parse(recipient)
    return POSTMASTER if not address.domain and is_postmaster(address) else str(address)


def is_postmaster(address: Address) -> bool:
    """Whether this is the postmaster, in whatever case (RFC 5321 section 4.1.1.3)."""
    return address.local.lower() == POSTMASTER
