"""What lies where in an mbox file, by uids that are made of what the messages say.

A uid is the digest of a message as `mbox_file.content` gives it, so that it finds its message again wherever another program
has moved it, and never a different one. Of messages that are alike in every octet the second has ``-2`` behind its digest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from typing import BinaryIO

from mailproc.maildrops.mbox_file import Extent, content, ends, messages

_MOST_MESSAGES = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A message: where it lay when the file was read, and its size in octets without the quoting."""

    extent: Extent
    size: int


@dataclass(slots=True)
class Index:
    """The messages of a file by their uids, in its order, and what has been removed from it since it was read.

    ``removed`` are ranges of octets, rising and apart, each as its start and its end in the file that was read.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    removed: list[tuple[int, int]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _before: list[int] = field(default_factory=lambda: [0])

    def extent(self, uid: str) -> Extent:
        """Where a message lies now."""
        then = self.entries[uid].extent
        earlier = self._before[bisect_right(self._starts, then.offset)]
        return replace(then, offset=then.offset - earlier, end=then.end - earlier)

    def holds(self, file: BinaryIO, uid: str) -> bool:
        """Whether the message still lies where it should, and has not grown."""
        return self.ends(file, uid) and digest(content(file, self.extent(uid))) == uid.partition("-")[0]

    def ends(self, file: BinaryIO, uid: str) -> bool:
        """Whether the message has not grown."""
        return ends(file, self.extent(uid))

    def forget(self, uids: Iterable[str]) -> None:
        """These have been removed from the file."""
        gone = [self.entries.pop(uid).extent for uid in uids]
        self.removed = list(_merged(sorted([*self.removed, *((extent.offset, extent.end) for extent in gone)])))
        self._starts = [start for start, _ in self.removed]
        self._before = list(accumulate((end - start for start, end in self.removed), initial=0))


def read_index(file: BinaryIO) -> Index:
    """Read the file and index its first 100,000 messages. Raises ValueError for what is no mbox."""
    entries: dict[str, Entry] = {}
    alike: Counter[str] = Counter()
    for extent in islice(messages(file), _MOST_MESSAGES):
        pieces = _Sized(content(file, extent))
        name = digest(pieces)
        alike[name] += 1
        entries[name if alike[name] == 1 else f"{name}-{alike[name]}"] = Entry(extent, pieces.size)
    return Index(entries)


def digest(pieces: Iterable[bytes]) -> str:
    """The digest of a message that comes in pieces."""
    import hashlib  # an empty mbox needs it not, and cron asks every minute

    found = hashlib.blake2b(digest_size=20)
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


class _Sized:
    """Pieces, counted while they go by."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece


def _merged(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Rising ranges, those joined that touch."""
    start = end = -1
    for first, last in ranges:
        if first == end:
            end = last
            continue
        if end > start:
            yield start, end
        start, end = first, last
    if end > start:
        yield start, end
