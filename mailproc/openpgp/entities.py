"""MIME entities as spans of raw bytes (RFC 2045, 2046): a signature is over these bytes, not over what a parser writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mailproc.reading.comments import BLANKS, QUOTED, without_comments
from mailproc.reading.encodings import decode_transfer
from mailproc.reading.header import Header, read_header
from mailproc.reading.mediatype import TOKEN, top_type

MAX_PARTS = 100
MAX_DEPTH = 5  # each level is searched anew; what lies deeper makes nobody strong anyway
_MOST_MARKS = 10_000  # lines that begin like a delimiter, or hold one; boundaries are chosen not to occur
_DELIMITER_END = re.compile(rb"(--)?[ \t]*(?:\r\n|\r|\n|\Z)")
_IDENTITY = ("", "7bit", "8bit", "binary")
# RFC 2045 section 5.1, and values that many programs do not quote although they have to: boundaries, ``text/html``.
_PARAMETER = rf";\s*+([^\s=;\"*]++)\s*+=\s*+(?:{QUOTED}|[^\s;\"]++)\s*+"
_PARAMETERS = re.compile(_PARAMETER, re.DOTALL | re.ASCII)
_CONTENT_TYPE = re.compile(rf"{TOKEN}/{TOKEN}\s*+(?:{_PARAMETER})*+;?", re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class Entity:
    """A header and the body behind it, between two offsets of a mail's bytes."""

    mail: bytes
    start: int
    end: int

    @cached_property
    def header(self) -> Header:
        """The header, read."""
        return read_header(self.mail, self.start, self.end)

    @property
    def raw(self) -> bytes:
        """All of it, as it stands in the mail."""
        return self.mail[self.start : self.end]

    @cached_property
    def type(self) -> str:
        """The media type, lower-case; ``text/plain`` where none is given."""
        return top_type(self.header)[0]

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding, lower-case, ``""`` where none is given."""
        return without_comments(self.header.first("Content-Transfer-Encoding") or "").strip(BLANKS).lower()

    def parameter(self, name: str) -> str:
        """A parameter of the Content-Type, ``""`` where it is missing."""
        return top_type(self.header)[1].get(name, "")

    @property
    def unambiguous(self) -> bool:
        """Whether every reader finds the same type and encoding in the header, and the same start of the body."""
        single = all(len(self.header.all(name)) <= 1 for name in ("Content-Type", "Content-Transfer-Encoding"))
        return single and self.header_is_sound and _has_one_reading(self.header.first("Content-Type") or "")

    @property
    def header_is_sound(self) -> bool:
        """Whether every reader finds the same fields, and all of them."""
        whole = not self.header.cut and self.header.sound == len(self.header.fields)
        return whole and "bare-cr" not in self.header.defects

    @property
    def unencoded(self) -> bool:
        """Whether the body stands as it is, as that of a multipart must (RFC 2045 section 6.4)."""
        return self.encoding in _IDENTITY

    @property
    def encoded_soundly(self) -> bool:
        """Whether every reader decodes the body to the same octets, with nothing that some skip and others stop at."""
        stops_early = self.encoding == "base64" and b"=" in self._body.rstrip(b"= \t\r\n")
        return not stops_early and not self._decoded[1]

    def decoded(self) -> bytes:
        """The body with its transfer encoding undone; as much of it as can be."""
        return self._decoded[0]

    @cached_property
    def _decoded(self) -> tuple[bytes, tuple[str, ...]]:
        return decode_transfer(self._body, self.encoding)

    @property
    def _body(self) -> bytes:
        return self.mail[self.header.length : self.end]


def _has_one_reading(content_type: str) -> bool:
    """Whether a Content-Type is well formed, names no parameter twice, and has none in the pieces of RFC 2231.

    Of two boundaries some readers take the first and others the last, and many know no pieces.
    """
    value = without_comments(content_type).strip(BLANKS)
    if not value or not _CONTENT_TYPE.fullmatch(value):
        return not value
    names = [name.lower() for name in _PARAMETERS.findall(value)]
    return len(set(names)) == len(names)


@dataclass(frozen=True, slots=True)
class Multipart:
    """The body of a multipart entity in pieces; ``closed`` says that its last delimiter is there (RFC 2046 section 5.1.1)."""

    preamble: bytes
    parts: tuple[Entity, ...]
    epilogue: bytes
    closed: bool


def split(entity: Entity) -> Multipart | None:
    """The pieces of a multipart entity; None where it is not one, or has no boundary, or more than 100 parts."""
    boundary = entity.parameter("boundary") if entity.type.startswith("multipart/") else ""
    octets = boundary.encode("utf-8", "surrogateescape")
    if not boundary or entity.mail.count(b"--" + octets, entity.header.length, entity.end) > _MOST_MARKS:
        return None
    marks = list(_delimiters(entity, octets))
    if not marks or len(marks) > MAX_PARTS:
        return None
    mail, closed = entity.mail, marks[-1][2]
    stops = [start for start, _, _ in marks[1:]] + ([] if closed else [entity.end])
    return Multipart(
        preamble=mail[entity.header.length : marks[0][0]],
        parts=tuple(_part(mail, start, stop) for (_, start, _), stop in zip(marks, stops, strict=False)),
        epilogue=mail[marks[-1][1] : entity.end] if closed else b"",
        closed=closed,
    )


def _delimiters(entity: Entity, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """The delimiter lines up to the closing one, but no more than are needed to see that there are too many.

    Each is where it starts, where the next line starts, and whether it closes.
    """
    mail, body, mark, found = entity.mail, entity.header.length, b"--" + boundary, 0
    start = mail.find(mark, body, entity.end)
    while start >= 0 and found <= MAX_PARTS:
        tail = _DELIMITER_END.match(mail, start + len(mark), entity.end)
        if tail and (start == body or mail[start - 1] in b"\r\n"):
            found += 1
            yield start, tail.end(), bool(tail[1])
            if tail[1]:
                return
        start = mail.find(mark, start + len(mark), entity.end)


def _part(mail: bytes, start: int, stop: int) -> Entity:
    """A part without its last line end, which belongs to the delimiter (RFC 2046 section 5.1.1, RFC 3156 section 5)."""
    if stop > start and mail[stop - 1] == 0x0A:
        stop -= 1
        if stop > start and mail[stop - 1] == 0x0D:
            stop -= 1
    elif stop > start and mail[stop - 1] == 0x0D:
        stop -= 1
    return Entity(mail, start, max(start, stop))


def first_leaf(entity: Entity) -> Entity:
    """The first part that is no multipart: what a reader shows first."""
    for _ in range(MAX_DEPTH):
        pieces = split(entity)
        if pieces is None or not pieces.parts:
            break
        entity = pieces.parts[0]
    return entity
