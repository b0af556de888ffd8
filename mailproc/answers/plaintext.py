"""Plain text that is safe to send: nothing hidden in it, wrapped for a terminal, 7bit or quoted-printable."""

from __future__ import annotations

import re
import textwrap

WIDTH = 72  # columns, so that an answer can be quoted once and still fits into 78 (RFC 5322 section 2.1.1)
LONGEST_TEXT = 262_144  # characters; longer than any letter, shorter than what a relay refuses
CUT_MARK = "\n[The text was cut here.]"

# Control characters, line separators that only some programs honour, what turns the direction of writing, and halves of
# surrogate pairs: they show something else than what is there, or cannot be encoded at all.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST_LINE = 78
_LONGEST_ROW = 75  # an encoded line holds 76 characters with its soft break (RFC 2045 section 6.7)
_LITERAL = frozenset(range(33, 127)) - {ord("=")} | frozenset(b" \t")
_ENCODED = [chr(octet) if octet in _LITERAL else f"={octet:02X}" for octet in range(256)]


def clean(text: str) -> str:
    """``text`` with LF line ends, everything harmful shown as an escape, and cut to `LONGEST_TEXT`."""
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + CUT_MARK
    return _HARMFUL.sub(_escape, text.replace("\r\n", "\n").replace("\r", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def wrap(text: str) -> str:
    """``text`` with every line broken between words at `WIDTH`; indented lines and long words stay whole."""
    return "\n".join(_wrapped(line) for line in text.split("\n"))


def _wrapped(line: str) -> str:
    if len(line) <= WIDTH or line.startswith((" ", "\t")):
        return line
    return textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)


def encode(text: str) -> tuple[str, bytes]:
    """The Content-Transfer-Encoding and the body for clean ``text``, in CRLF lines."""
    text = text.rstrip("\n") + "\n"
    if text.isascii() and max(map(len, text.split("\n"))) <= _LONGEST_LINE:
        return "7bit", text.replace("\n", "\r\n").encode("ascii")
    return "quoted-printable", quoted_printable(text.encode("utf-8"))


def quoted_printable(octets: bytes) -> bytes:
    """``octets`` as RFC 2045 section 6.7 has it, with the soft breaks between words.

    The standard library's encoder breaks anywhere, also in the middle of an OOPS id, which then nobody can search for.
    """
    lines = re.split(rb"\r\n|\r|\n", octets)
    return "\r\n".join(_encoded_line(line) for line in lines).encode("ascii")


def _encoded_line(line: bytes) -> str:
    rows = [""]
    for piece in _pieces(line):
        if len(rows[-1]) + len(piece) > _LONGEST_ROW:
            rows.append("")
        rows[-1] += piece
    return "=\r\n".join(rows)


def _pieces(line: bytes) -> list[str]:
    """What must not be broken: whole words, and of longer ones the single encoded octets."""
    body, end = (line[:-1], line[-1:]) if line.endswith((b" ", b"\t")) else (line, b"")
    pieces: list[str] = []
    for word in re.findall(rb"[^ \t]+|[ \t]+", body):
        octets = [_ENCODED[octet] for octet in word]
        encoded = "".join(octets)
        pieces += [encoded] if len(encoded) <= _LONGEST_ROW else octets
    return [*pieces, *(f"={octet:02X}" for octet in end)]  # a blank at the end of a line must be encoded
