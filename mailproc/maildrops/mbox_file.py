"""The messages in an mbox file (RFC 4155): where each begins and ends, and what each says.

The dialects of mbox differ in how they keep a line of a mail that begins with ``From `` from being taken for the beginning of
the next mail. What a mail says of its own length (Content-Length) is its sender's to say, and is not believed. A message begins
with a line ``From `` that has a time of day and a year, at the start of the file or behind an empty line; so prose is not cut,
even where a program has not quoted it. Quoting is undone as in mboxrd: a line of ``>`` and ``From `` loses one ``>``. That is
right for mboxrd, and for mboxo (Postfix, Exim) but for lines that were written with the ``>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK_OCTETS = 1024 * 1024

# A reverse path has 256 octets at most (RFC 5321 section 4.5.3.1.3), and a date less than 100.
_LONGEST_LINE = 1000
_SEPARATOR = re.compile(rb"\n(\r?\n)(?=From ([^\n]{0,%d}))" % _LONGEST_LINE)
_TIME = re.compile(rb"[ \t]\d{1,2}:\d\d")
_YEAR = re.compile(rb"[ \t](?:19|20)\d\d(?!\d)")
_LONGEST_SEPARATOR = _LONGEST_LINE + len(b"\n\r\nFrom ")

# Deeper quoting than this is none: how much of a line must be seen to know is bounded.
_DEEPEST = 1000
_QUOTED = re.compile(rb"\n>(>{0,%d}From )" % _DEEPEST)
_PERHAPS_QUOTED = re.compile(rb"\n(?:>{1,%d}(?:F(?:r(?:o(?:m)?)?)?)?)?" % (_DEEPEST + 1))
_LONGEST_QUOTE = _DEEPEST + len(b"\n>From ")


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a message lies, in octets: its line ``From `` begins at ``offset``, the next message at ``end``.

    ``length`` is without the empty line that divides it from the next one.
    """

    offset: int
    length: int
    end: int


def messages(file: BinaryIO) -> Iterator[Extent]:
    """The extents of all messages in an mbox, in their order; memory is flat, and ``file`` may be read elsewhere meanwhile.

    Raises ValueError for a file that is not empty and does not begin with ``From ``.
    """
    file.seek(0)
    beginning = file.read(5)
    if not beginning:
        return
    if beginning != b"From ":
        raise ValueError('it does not begin with "From ", and is no mbox')
    start = 0
    for end, begin in _separators(file):
        yield Extent(start, end - start, begin)
        start = begin
    size = file.seek(0, 2)
    file.seek(max(size - 3, start))
    last = file.read(3)
    divider = len(b"\r\n") if last == b"\n\r\n" else 1 if last.endswith(b"\n\n") else 0
    yield Extent(start, size - start - divider, size)


def content(file: BinaryIO, extent: Extent) -> Iterator[bytes]:
    """A message in pieces of about 1 MiB: its line ``From ``, as its first line, and the mail without the quoting of mbox."""
    unread = b""
    offset, end = extent.offset, extent.offset + extent.length
    while offset < end:
        file.seek(offset)
        block = file.read(min(_BLOCK_OCTETS, end - offset))
        if not block:
            break  # it has been cut off
        offset += len(block)
        unread += block
        cut = len(unread) if offset == end else _whole(unread)
        yield _QUOTED.sub(rb"\n\1", unread[:cut])
        unread = unread[cut:]


def ends(file: BinaryIO, extent: Extent) -> bool:
    """Whether a message still ends where it did: there the next one begins, or there is nothing more.

    A program whose lock is none of ours, or that had no room for the rest, may have gone on with it.
    """
    file.seek(extent.end - 1)
    found = file.read(len(b"\nFrom "))
    return len(found) == 1 or found[1:] == b"From "


def _separators(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where a message ends, and where the next one begins."""
    base, unread = 0, b""
    while True:
        file.seek(base + len(unread))
        block = file.read(_BLOCK_OCTETS)
        unread += block
        seen = max(len(unread) - _LONGEST_SEPARATOR, 0) if block else len(unread)
        for found in _SEPARATOR.finditer(unread):
            if found.start() < seen and _TIME.search(found[2]) and _YEAR.search(found[2]):
                yield base + found.start(1), base + found.end(1)
        if not block:
            return
        base, unread = base + seen, unread[seen:]


def _whole(unread: bytes) -> int:
    """Where to cut, so that no quoted line is cut."""
    line_end = unread.rfind(b"\n", max(len(unread) - _LONGEST_QUOTE, 0))
    return line_end if line_end >= 0 and _PERHAPS_QUOTED.fullmatch(unread, line_end) else len(unread)
