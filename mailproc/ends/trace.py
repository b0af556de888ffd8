"""The fields that are put on top of a mail by those through whose hands it goes (RFC 5321 section 4.4)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from mailproc import Delivery
from mailproc.reading import one_line

_LONGEST_PATH = 512  # characters; a path has 256 octets at most (RFC 5321 section 4.5.3.1.3)
_PROTOCOLS = {"smtp": " with SMTP", "lmtp": " with LMTP"}


def final_delivery(delivery: Delivery) -> list[str]:
    """Return-Path, where the envelope's is known, and Delivered-To.

    A sender may have written such fields, and others that speak of the envelope; they stay below, for the bytes of the mail
    are what was signed, and whoever reads these fields takes the topmost.
    """
    recipient = f"Delivered-To: {_path(str(delivery.recipient))}"
    if delivery.reverse_path is None:
        return [recipient]
    return [f"Return-Path: <{_path(delivery.reverse_path)}>", recipient]


def received(delivery: Delivery, host: str, now: datetime) -> list[str]:
    """A Received field of ``host``, as its lines.

    It names no recipient, for one who got a blind copy must not be told to the others; nor the client, whom a handler does
    not know.
    """
    by = f"Received: from unknown by {host} (mailproc){_PROTOCOLS.get(delivery.entrance, '')}"
    return [by, f"\tid {delivery.id}; {format_datetime(now)}"]


def below(delivery: Delivery) -> bytes:
    """The mail as received, without the line "From " of an mbox, which can stand nowhere but on top (RFC 4155)."""
    return delivery.raw[delivery.message.header.start :]


def _path(address: str) -> str:
    return one_line(address, _LONGEST_PATH)
