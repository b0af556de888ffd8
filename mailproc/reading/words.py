"""Encoded words: text beyond ASCII in header fields (RFC 2047)."""

from __future__ import annotations

import binascii
import re

from mailproc.reading.charsets import decode_text
from mailproc.reading.encodings import from_base64

# No field of the expression can run past the next "?", so that the search is linear on any input.
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*+)\?=")


def decode_words(value: str) -> str:
    """The text of a header value with its encoded words decoded; whatever is no encoded word stays as it is.

    White space between two encoded words is dropped, and their bytes are decoded together when they share a charset,
    because mailers cut them inside of a character (RFC 2047 section 6.2 and the note in section 5).
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    pending: list[bytes] = []
    pending_charset, at = "", 0
    for found in _WORD.finditer(value):
        charset, octets = _octets(found)
        gap = value[at : found.start()]
        if pending_charset != charset or gap.strip():
            out.append(decode_text(b"".join(pending), pending_charset))
            pending.clear()
        if not (at and gap.isspace()):
            out.append(gap)
        pending.append(octets)
        pending_charset, at = charset, found.end()
    return "".join([*out, decode_text(b"".join(pending), pending_charset), value[at:]])


def _octets(found: re.Match[str]) -> tuple[str, bytes]:
    charset = found[1].partition("*")[0].lower()  # RFC 2231 section 5 adds "*language"
    data = found[3].encode("utf-8", "replace")
    if found[2] in "bB":
        return charset, from_base64(data)
    return charset, binascii.a2b_qp(data, header=True)
