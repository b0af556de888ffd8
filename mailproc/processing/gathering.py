"""Gathering a mail that comes in pieces: held in memory while it is small, streamed into the archive when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from mailproc.archive import Archive
from mailproc.envelope import BEGINNING, BODY_OF_LARGE
from mailproc.errors import Rejected
from mailproc.processing.policy import ChunkLimits
from mailproc.reading import Message, read_message


@dataclass(frozen=True, slots=True)
class Gathered:
    """A mail that has come; of one that is too big ``raw`` is the beginning, and the whole is in the archive."""

    raw: bytes
    message: Message
    size: int
    sha256: str | None = None
    archive_url: str | None = None


def gather(pieces: Iterator[bytes], kept: Archive, limits: ChunkLimits) -> Gathered:
    """Take in a mail to its end, holding at most ``limits.max_size`` octets of it and a piece more.

    Raises `Rejected` for one of more than ``limits.max_archived`` octets, of which nothing is kept, and `Away`.
    """
    held: list[bytes] = []
    octets = 0
    for piece in pieces:
        held.append(piece)
        octets += len(piece)
        if octets > limits.max_size:
            return _stream(chain(held, pieces), kept, limits)
    raw = b"".join(held)
    return Gathered(raw, read_message(raw), octets)


def _stream(pieces: Iterator[bytes], kept: Archive, limits: ChunkLimits) -> Gathered:
    with kept.writer() as file:
        for piece in pieces:
            if file.size + len(piece) > limits.max_archived:
                size = file.size + len(piece) + sum(map(len, pieces))  # to its end: who sends it is still to hear of this
                raise Rejected(f"The mail is {size / 1e6:.1f} MB long; at most {limits.max_size / 1e6:.1f} MB are accepted.")
            file.write(piece)
        file.keep()
    raw = beginning_of(kept, file.url)
    return Gathered(raw, read_message(raw), file.size, file.sha256, file.url)


def beginning_of(kept: Archive, url: str) -> bytes:
    """What is looked at of a mail that is too big, from the archive: its header, and some of its body. Raises `Away`."""
    beginning = kept.beginning(url, BEGINNING)
    return beginning[: read_message(beginning).header.length + BODY_OF_LARGE]
