"""ASCII armor (RFC 9580 section 6): the binary data within the lines ``-----BEGIN PGP ...-----``."""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from dataclasses import dataclass

_MOST_MARKS = 10_000  # lines that hold the words of an armor's first or last line; an honest mail has two or three
_REST_OF_LINE = re.compile(rb"[ \t]*$", re.MULTILINE)
HEADERS = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n)*")
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{4}")


def lf_ends(text: bytes) -> bytes:
    """``text`` with each line end, be it CRLF, CR or LF, as LF."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def crlf_ends(text: bytes) -> bytes:
    """``text`` with each line end, be it CRLF, CR or LF, as CRLF: the canonical form that is signed."""
    return lf_ends(text).replace(b"\n", b"\r\n")


def has_long_line(text: bytes, longest: int) -> bool:
    """Whether a line of ``text`` has more than ``longest`` octets; looks at each of them twice at most."""
    at = 0
    while len(text) - at > longest:
        line_end = text.rfind(b"\n", at, at + longest + 1)
        if line_end < 0:
            return True
        at = line_end + 1
    return False


@dataclass(frozen=True, slots=True)
class Block:
    """An armored block: where it stands in its text, and what is between its first and its last line."""

    start: int
    end: int
    inner: bytes

    def data(self) -> bytes | None:
        """The binary data; None where anything but base64 stands behind the headers.

        The headers are nobody's word, and the checksum is not compared, as RFC 9580 section 6.1 has it.
        """
        inner = self.inner.lstrip(b"\n")
        headers = HEADERS.match(inner)
        words = inner[headers.end() if headers else 0 :].split()
        if words and _CHECKSUM.fullmatch(words[-1]):
            words.pop()
        try:
            return binascii.a2b_base64(b"".join(words), strict_mode=True)
        except binascii.Error:
            return None


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line starts, and where it ends before its line end."""

    start: int
    end: int


def find_line(text: bytes, boundary: bytes, label: bytes, start: int = 0) -> Line | None:
    """The next line such as ``-----BEGIN PGP SIGNATURE-----`` in a text with LF ends; none behind 10,000 that only begin so."""
    words = b"-----%s PGP %s-----" % (boundary, label)
    at = text.find(words, start)  # an expression that begins with a line's start looks at each line
    for _ in range(_MOST_MARKS):
        if at < 0:
            break
        rest = _REST_OF_LINE.match(text, at + len(words)) if not at or text[at - 1] == 0x0A else None
        if rest:
            return Line(at, rest.end())
        at = text.find(words, at + len(words))
    return None


def blocks(text: bytes, label: bytes) -> list[Block]:
    """The armored blocks of one kind, such as ``b"SIGNATURE"``, in a text with LF ends; none of more than 10,000."""
    found: list[Block] = []
    begin = find_line(text, b"BEGIN", label)
    while begin and (end := find_line(text, b"END", label, begin.end)):
        if len(found) == _MOST_MARKS:
            return []
        found.append(Block(begin.start, end.end, text[begin.end : end.start]))
        begin = find_line(text, b"BEGIN", label, end.end)
    return found


def armored(certificate: bytes) -> str:
    """A public key in armor, with the checksum (section 6.1.1): GnuPG 2.2 finds no end without one."""
    text = textwrap.wrap(base64.b64encode(certificate).decode("ascii"), 64)
    checksum = "=" + base64.b64encode(_crc24(certificate).to_bytes(3, "big")).decode("ascii")
    return "\n".join(["-----BEGIN PGP PUBLIC KEY BLOCK-----", "", *text, checksum, "-----END PGP PUBLIC KEY BLOCK-----"])


def _crc24(data: bytes) -> int:
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc
