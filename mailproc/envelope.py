"""The one immutable unit that goes all the way from a maildrop or a door to the handler."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SIZE = 25 * 1024 * 1024  # octets of a message that is accepted, unless the operator says otherwise
BODY_OF_LARGE = 8 * 1024  # octets of the body of a too big mail that are looked at
BEGINNING = 256 * 1024 + BODY_OF_LARGE  # octets of it that are sure to hold them, behind a header of any size


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one recipient.

    ``reverse_path`` is None when unknown and ``""`` for the null path ``<>`` (RFC 5321 section 4.5.5). ``recipient`` is
    the address as received, or ``""`` where none could be found. ``raw`` is the truth: it is what is archived, verified
    and relayed, and never what a parser would write again.
    """

    reverse_path: str | None
    recipient: str
    raw: bytes
