"""The tree of MIME parts, found by its boundaries without copying and without recursion (RFC 2046 section 5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from mailproc.reading.comments import BLANKS, without_comments
from mailproc.reading.header import Header, read_header
from mailproc.reading.mediatype import content_type, parameters
from mailproc.reading.words import decode_words

MAX_DEPTH = 50
MAX_PARTS = 1000
MAX_HEADERS = 1024 * 1024  # octets in the headers of all parts, those of forwarded mails too
MAX_HEADER_LINES = 50_000

# Lines that only begin like a delimiter; real mail has next to none, since boundaries are chosen not to occur.
_MAX_FALSE_DELIMITERS = 10_000
_MAX_SEARCHED = 256 * 1024 * 1024  # octets, since each level of a nest is searched again for its own boundary
_MAX_BOUNDARY = 998  # 70 by RFC 2046, but a line holds so much

_BEHIND_BOUNDARY = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")


@dataclass(frozen=True)
class Part:
    """A leaf of the tree: its header, its type, and where its body stands in the entity.

    ``type`` is None when the part names none, or a malformed one; ``default`` is what it is then taken for.
    """

    header: Header
    start: int
    end: int
    type: str | None
    parameters: dict[str, str]
    default: str = "text/plain"

    @cached_property
    def encoding(self) -> str:
        """The content transfer encoding, lower-case, or an empty string."""
        return without_comments(self.header.first("Content-Transfer-Encoding") or "").strip(BLANKS).lower()

    @cached_property
    def disposition(self) -> str:
        """``attachment``, ``inline`` or whatever else the sender says, lower-case (RFC 2183)."""
        return self._disposition.partition(";")[0].strip().lower()

    @cached_property
    def name(self) -> str:
        """The file name as the sender writes it, decoded; an empty string when there is none."""
        name = parameters(self._disposition).get("filename") or self.parameters.get("name") or ""
        return decode_words(name[:4096]).replace("\0", "")

    @property
    def attached(self) -> bool:
        """Whether it is to be kept as a file, and is no text of the mail."""
        return self.disposition == "attachment" or bool(self.name)

    @cached_property
    def _disposition(self) -> str:
        return without_comments(self.header.first("Content-Disposition") or "")


@dataclass(frozen=True)
class Structure:
    """The leaves of an entity in their order; none when it is ``unparseable``, which then says why."""

    parts: tuple[Part, ...] = ()
    defects: tuple[str, ...] = ()
    unparseable: str | None = None


def read_structure(entity: bytes, header: Header | None = None) -> Structure:
    """Find the parts of a MIME entity; never raises, and goes 50 levels deep, to 1,000 parts, and to headers of 1 MiB at most.

    ``header`` is the entity's own, where it has been read already. What is wrong with the headers of its parts is among the
    defects; that a part has none is not, for it needs none (RFC 2046 section 5.1).

    A forwarded message (message/rfc822) is one leaf: what it says is not what this mail says. It is looked into only
    for the limits, because whoever opens it next may do so by recursion.
    """
    walk = _Walk(entity)
    try:
        walk.run(header)
    except _TooMuch as limit:
        return Structure((), tuple(walk.defects), str(limit))
    return Structure(tuple(walk.parts), tuple(walk.defects))


class _TooMuch(Exception):
    """The entity is over a limit."""


@dataclass(frozen=True)
class _Branch:
    """A stretch of the entity that is still to be looked at."""

    start: int
    end: int
    depth: int = 0
    default: str = "text/plain"
    forwarded: bool = False


class _Walk:
    """One pass over an entity, and what it has found so far."""

    def __init__(self, entity: bytes) -> None:
        self.entity = entity
        self.parts: list[Part] = []
        self.defects: dict[str, None] = {}
        self.waiting = [_Branch(0, len(entity))]
        self.queued = 0
        self.headers = self.header_lines = 0
        self.false_delimiters = 0
        self.searched = 0

    def run(self, header: Header | None) -> None:
        """Look at every branch, the first one first."""
        while self.waiting:
            branch = self.waiting.pop()
            self._look_at(branch, header or read_header(self.entity, branch.start, branch.end))
            header = None

    def _look_at(self, branch: _Branch, header: Header) -> None:
        if branch.depth > MAX_DEPTH:
            raise _TooMuch(f"its parts are nested more than {MAX_DEPTH} deep")
        self._count_header(branch, header)
        part_type, part_parameters = content_type(header) or (None, {})
        part = Part(header, header.length, branch.end, part_type, part_parameters, branch.default)
        kind = part_type or branch.default
        if kind.startswith("multipart/") and self._descend(branch, part, kind):
            return
        if kind == "message/rfc822" and part.encoding in ("", "7bit", "8bit", "binary"):
            self._queue([_Branch(part.start, part.end, branch.depth + 1, forwarded=True)])
        if not branch.forwarded:
            self.parts.append(part)

    def _descend(self, branch: _Branch, part: Part, kind: str) -> bool:
        """Queue the parts of a multipart; False when it has none, and so is read as what it is, lines of text."""
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
        if not 0 < len(boundary) <= _MAX_BOUNDARY:
            self.defects["no-boundary"] = None
            return False
        self.searched += part.end - part.start
        if self.searched > _MAX_SEARCHED:
            raise _TooMuch("its parts are nested too deep for its size")
        pieces = self._pieces(part, b"\n--" + boundary)
        if not pieces:
            self.defects["boundary-not-found"] = None
            return False
        if part.encoding in ("base64", "quoted-printable"):  # RFC 2045 section 6.4 forbids it
            self.defects["encoded-multipart"] = None
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        self._queue([_Branch(start, end, branch.depth + 1, default, branch.forwarded) for start, end in reversed(pieces)])
        return True

    def _pieces(self, part: Part, delimiter: bytes) -> list[tuple[int, int]]:
        """Where the parts of a multipart start and end; what stands before and after them is nobody's."""
        pieces: list[tuple[int, int]] = []
        opened: int | None = None
        at = self.entity.find(delimiter, max(part.start - 1, 0), part.end)
        while at >= 0:
            behind = _BEHIND_BOUNDARY.match(self.entity, at + len(delimiter), part.end)
            if behind is None:
                self._count_false_delimiter()
                at = self.entity.find(delimiter, at + len(delimiter), part.end)
                continue
            if opened is not None:
                pieces.append((opened, max(opened, self._line_end(at))))
                self._queue([], len(pieces))
            opened = behind.end()
            if behind[1]:
                return pieces
            at = self.entity.find(delimiter, opened - 1, part.end)
        if opened is not None:
            self.defects["no-closing-boundary"] = None
            pieces.append((opened, part.end))
        return pieces

    def _line_end(self, newline: int) -> int:
        """Where the line ends that ``newline`` ends: the line break before a delimiter belongs to the delimiter."""
        return newline - 1 if self.entity[newline - 1 : newline] == b"\r" else newline

    def _queue(self, branches: list[_Branch], announced: int = 0) -> None:
        self.queued += len(branches)
        if self.queued + announced > MAX_PARTS:
            raise _TooMuch(f"it has more than {MAX_PARTS} parts")
        self.waiting += branches

    def _count_header(self, branch: _Branch, header: Header) -> None:
        self.headers += header.octets
        self.header_lines += header.lines
        if self.headers > MAX_HEADERS or self.header_lines > MAX_HEADER_LINES:
            raise _TooMuch("the headers of its parts are too long")
        if not branch.forwarded:
            self.defects |= dict.fromkeys(defect for defect in header.defects if defect != "no-header")

    def _count_false_delimiter(self) -> None:
        self.false_delimiters += 1
        if self.false_delimiters > _MAX_FALSE_DELIMITERS:
            raise _TooMuch("its boundaries cannot be told from its lines")
