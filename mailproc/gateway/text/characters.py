"""The characters of a mail that may be shown in a chat: they have ink, are a blank, or join those that have."""

from __future__ import annotations

import re

BREAK = "\u200b"  # a zero-width space: not seen, and between two characters that would mean something together

_NON_CHARACTERS = "\ufdd0-\ufdef" + "".join(chr(0x10000 * plane + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
# With overrides, embeddings and isolates a text can be made to read unlike it is written (Unicode TR 36); the marks that
# languages from right to left need are others.
_TURNS = "\u202a-\u202e\u2066-\u2069"
_UNPRINTABLE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff{_NON_CHARACTERS}{_TURNS}]")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_BLANK = re.compile("[\t\n]")


def printable(text: str) -> str:
    """The text without control characters, lone surrogates, non-characters and what turns its direction; lines end with LF."""
    return _UNPRINTABLE.sub("", _LINE_END.sub("\n", text))


def printable_line(text: str) -> str:
    """The same on one line: each line end and tab is a blank."""
    return _BLANK.sub(" ", printable(text))
