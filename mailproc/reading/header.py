"""The header of a mail, read in one bounded pass (RFC 5322 section 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

MAX_OCTETS = 256 * 1024
MAX_FIELDS = 1000
_MAX_POSTMARK = 512  # a path has 256 octets at most (RFC 5321 section 4.5.3.1.3)

_BLANK_LINE = re.compile(rb"\n\r?\n")
_FIELD_NAME = re.compile(rb"([!-9;-~]+)([ \t]*):")  # ftext, and the blanks of RFC 5322 section 4.5

# RFC 5322 section 3.6 and RFC 2045 section 3 allow each of them once.
_SINGLE = ("from", "sender", "to", "cc", "subject", "date", "message-id", "content-type", "content-transfer-encoding")


@dataclass(frozen=True)
class Header:
    """The fields of a header in their order, the topmost first.

    ``fields``     (name as written, unfolded value); bytes are UTF-8 where that is valid, else Latin-1. A value holds no
                   CR, LF or NUL
    ``defects``    stable names of what is wrong with it
    ``length``     the offset at which the body starts
    ``sound``      how many fields stand before the first line that other readers take for the end of the header: one
                   that is no field, has blanks before its colon, or is all blanks
    ``postmark``   the sender on the "From " line of an mbox above it (RFC 4155 appendix A), or None
    ``octets``     how many octets were looked at to find the fields, and ``lines`` how many lines
    ``start``      the offset at which the fields begin: behind the "From " line of an mbox, whatever that holds
    """

    fields: tuple[tuple[str, str], ...] = ()
    defects: tuple[str, ...] = ()
    length: int = 0
    sound: int = 0
    postmark: str | None = None
    octets: int = 0
    lines: int = 0
    start: int = 0

    def all(self, name: str) -> tuple[str, ...]:
        """The values of all fields of this name, the topmost first; case does not matter."""
        return self._values.get(name.lower(), ())

    def first(self, name: str) -> str | None:
        """The value of the topmost field of this name, or None."""
        values = self.all(name)
        return values[0] if values else None

    @property
    def cut(self) -> bool:
        """Whether there may be fields that were not looked at."""
        return "header-too-long" in self.defects or "too-many-fields" in self.defects

    @cached_property
    def _values(self) -> dict[str, tuple[str, ...]]:
        return _by_name(self.fields)


def read_header(raw: bytes, start: int = 0, end: int | None = None) -> Header:
    """Read the header that begins at ``start``; never raises, and looks at 256 KiB and 1,000 fields at most.

    Lines end with CRLF or LF. A line that is no field is skipped, but counts as one; when no field follows any more, the
    body begins there, so that the text of a mail without a header, or without the blank line behind it, is not lost.
    """
    end = len(raw) if end is None else min(end, len(raw))
    top = _behind_mbox_line(raw, start, end)
    stop, body = _extent(raw, top, end)
    seen = min(stop - top, MAX_OCTETS)
    lines = _Lines(raw[top : top + seen], whole=stop - top == seen)
    fields = tuple(map(lines.field, lines.fields()))
    if lines.stray_from is not None:
        body = top + lines.stray_from
    defects = (*lines.defects, *(f"duplicate-{name}" for name in _repeated(fields)), *(() if fields else ("no-header",)))
    sound = len(fields) if lines.sound is None else lines.sound
    return Header(fields, defects, body, sound, _postmark(raw[start:top]), seen, len(lines.lines), top)


def _behind_mbox_line(raw: bytes, start: int, end: int) -> int:
    """Where the header begins: after the "From " line of an mbox, where the mail has one."""
    if start or not raw.startswith(b"From ", 0, end) or _FIELD_NAME.match(raw, 0, end):
        return start
    line_end = raw.find(b"\n", start, end)
    return end if line_end < 0 else line_end + 1


def _postmark(line: bytes) -> str | None:
    """The word behind "From ", where there is one that is not too long."""
    words = line[:_MAX_POSTMARK].split(maxsplit=2)
    whole = len(words) > 2 or len(line) <= _MAX_POSTMARK
    return words[1].decode("utf-8", "replace") if len(words) > 1 and whole else None


def _extent(raw: bytes, top: int, end: int) -> tuple[int, int]:
    """Where the header's last line ends, and where the body starts."""
    for blank in (b"\n", b"\r\n"):
        if raw.startswith(blank, top, end):
            return top, top + len(blank)
    found = _BLANK_LINE.search(raw, top, end)
    return (found.start() + 1, found.end()) if found else (end, end)


def _by_name(fields: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    return {name: tuple(found) for name, found in values.items()}


def _repeated(fields: tuple[tuple[str, str], ...]) -> list[str]:
    names = [name.lower() for name, _ in fields]
    return [name for name in _SINGLE if names.count(name) > 1]


class _Lines:
    """The lines of one header block, and what was noted while they were read."""

    def __init__(self, block: bytes, *, whole: bool) -> None:
        self.lines = block.split(b"\n")
        if not whole:
            del self.lines[-1]  # the limit cut it
        self.defects: dict[str, None] = {} if whole else {"header-too-long": None}
        self.stray_from: int | None = None  # where the lines start that are no fields and are followed by none
        self.count = self.strays = 0  # of fields, and of lines that are none
        self.sound: int | None = None
        self._note_octets(block)

    def fields(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Each field as its name and the lines of its value."""
        current: tuple[bytes, list[bytes]] | None = None
        offset = 0
        for line in self.lines:
            if line[:1] in (b" ", b"\t") and current:
                self._continue(current[1], line)
            elif line.strip(b"\r"):
                if current:
                    yield current
                if self.count + self.strays == MAX_FIELDS:
                    self.defects["too-many-fields"] = None
                    return
                current = self._begin(line, offset)
            offset += len(line) + 1
        if current:
            yield current

    def field(self, name_and_lines: tuple[bytes, list[bytes]]) -> tuple[str, str]:
        """The field as text, unfolded (RFC 5322 section 2.2.3)."""
        name, lines = name_and_lines
        value = b"".join(lines)
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        return name.decode("ascii"), text.replace("\r", " ").replace("\0", "\ufffd").strip(" \t")

    def _begin(self, line: bytes, offset: int) -> tuple[bytes, list[bytes]] | None:
        """A new field; None for a line that is none."""
        named = _FIELD_NAME.match(line)
        if named is None:
            self._note("bad-field-name" if b":" in line else "field-without-colon", self.count)
            self.stray_from = offset if self.stray_from is None else self.stray_from
            self.strays += 1
            return None
        if named[2]:
            self._note("space-before-colon", self.count)
        self.count, self.stray_from = self.count + 1, None
        return named[1], [line[named.end() :].rstrip(b"\r")]

    def _continue(self, value: list[bytes], line: bytes) -> None:
        if not line.strip():  # RFC 5322 section 4.2 has us read what nobody may write any more
            self._note("blank-fold", self.count - 1)
        value.append(line.rstrip(b"\r"))

    def _note(self, defect: str, sound: int) -> None:
        self.defects[defect] = None
        self.sound = sound if self.sound is None else self.sound

    def _note_octets(self, block: bytes) -> None:
        if not block.isascii():
            self.defects["eight-bit"] = None
        if b"\0" in block:
            self.defects["nul"] = None
        if block.count(b"\r") != block.count(b"\r\n") + block.endswith(b"\r"):
            self.defects["bare-cr"] = None
