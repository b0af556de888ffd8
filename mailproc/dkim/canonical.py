"""The relaxed and simple forms of a mail (RFC 6376 section 3.4), and digests of them: one pass, whatever the lines are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from mailproc.reading import Header

COVERED = ("from", "subject", "date")

_AT_ONCE = 1 << 18
_BLANKS = re.compile(r"[ \t]+")


class Body:
    """The body of the mail ``raw`` that begins at ``start``; each digest is computed once, and only when it is asked for."""

    def __init__(self, raw: bytes, start: int) -> None:
        self._raw = raw
        self._start = start
        self._digests: dict[bool, bytes] = {}

    def digest(self, *, relaxed: bool) -> bytes:
        """The SHA-256 of the body in its relaxed or its simple form, 32 octets."""
        if relaxed not in self._digests:
            digest = hashlib.sha256()
            for piece in canonical_body(self._raw, self._start, relaxed=relaxed):
                digest.update(piece)
            self._digests[relaxed] = digest.digest()
        return self._digests[relaxed]


def covered_sha256(header: Header, body: Body) -> str:
    """The SHA-256, in hex, of what every signature that we accept covers: the author, the subject, the date and the body.

    It is computed over the relaxed fields and the digest of the relaxed body. Copies of a mail share it, though they came
    another way, were folded anew, or had their unsigned fields changed.
    """
    digest = hashlib.sha256()
    for name in COVERED:
        for value in header.all(name):
            digest.update(f"{name}:{_BLANKS.sub(' ', value).strip(' ')}\r\n".encode())
    digest.update(body.digest(relaxed=True))
    return digest.hexdigest()


def canonical_body(raw: bytes, start: int, *, relaxed: bool) -> Iterator[bytes]:
    """The body in pieces: line ends as CRLF, without the empty lines at its end; relaxed also each run of blanks as one.

    An empty body is a CRLF in the simple form and nothing in the relaxed one. A last line without an end gets one.
    """
    trailing = b" \n" if relaxed else b"\n"
    line_ends = 0  # held back: they may be the empty lines at the end
    blank = any_text = False
    for piece in _pieces(raw, start):
        if relaxed:
            piece = _relaxed(piece, after_blank=blank)
        text = piece.rstrip(trailing)
        if text:
            yield from _crlf(line_ends)
            yield text.replace(b"\n", b"\r\n")
            line_ends, any_text = 0, True
        line_ends += piece.count(b"\n", len(text))
        blank = relaxed and piece.endswith(b" ")
    if any_text or not relaxed:
        yield b"\r\n"


def _pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """The body with LF for each CRLF, a bare CR as it is; no CRLF is cut in two."""
    held = b""
    for at in range(start, len(raw), _AT_ONCE):
        piece = held + raw[at : at + _AT_ONCE]
        held = b"\r" if piece.endswith(b"\r") else b""
        yield piece.removesuffix(b"\r").replace(b"\r\n", b"\n")
    yield held


def _relaxed(piece: bytes, *, after_blank: bool) -> bytes:
    piece = piece.replace(b"\t", b" ")
    while b"  " in piece:  # each round halves the longest run
        piece = piece.replace(b"  ", b" ")
    piece = piece.replace(b" \n", b"\n")
    return b" " + piece if after_blank and not piece.startswith((b" ", b"\n")) else piece


def _crlf(line_ends: int) -> Iterator[bytes]:
    for at in range(0, line_ends, _AT_ONCE):
        yield b"\r\n" * min(_AT_ONCE, line_ends - at)
