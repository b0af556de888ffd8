"""Whether a body can only be read in the way in which it was signed, though its Content-Type was not.

Large providers sign the body, but not the field that says how to read it. Who changes that field chooses what is text: a line
of a quoted mail becomes a boundary and all above it a preamble that nobody sees, or the octets become other letters. So the
body itself, which is signed, must bear out an unsigned Content-Type.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mailproc.dkim.tags import Unfit
from mailproc.reading import Header
from mailproc.reading.comments import BLANKS, without_comments
from mailproc.reading.mediatype import content_type

_BLANKS = b" \t\r\n"
_SHIFTED = re.compile(r"utf-?(?:7|16|32)|u(?:7|16|32)\b|ucs|iso-?2022|hz|.*(?:utf-?7|iso-?2022|ebcdic|cp-?037)", re.IGNORECASE)
_ASCII = bytes(range(0x20, 0x7F)) + b"\r\n+AGE- ~{<:~} \x1b$B0!\x1b(B"  # with what utf-7, hz and iso-2022 shift by


def check_shape(raw: bytes, header: Header, signed: Collection[str]) -> None:
    """Raise `Unfit` where an unsigned field may change what the body of ``raw`` says; ``signed`` has the names of ``h=``."""
    if "content-disposition" not in signed:
        _check_disposition(header)
    if "content-type" not in signed and header.all("content-type"):
        _check_type(raw, header)


def _check_disposition(header: Header) -> None:
    value = header.first("content-disposition")
    if value is not None and without_comments(value).strip(BLANKS).lower() != "inline":
        raise Unfit("its Content-Disposition is not signed, and is not inline")


def _check_type(raw: bytes, header: Header) -> None:
    kind, parameters = content_type(header) or ("", {})
    if kind.startswith("multipart/"):
        if not _is_enclosed(raw[header.length :], parameters.get("boundary", "")):
            raise Unfit("its Content-Type is not signed, and its body does not begin and end with the boundary")
    elif kind != "text/plain":
        raise Unfit("its Content-Type is not signed, and is not that of plain text")
    elif not _keeps_ascii(parameters.get("charset", "us-ascii").strip(BLANKS)):
        raise Unfit("its Content-Type is not signed, and its charset gives ASCII another meaning")


def _is_enclosed(body: bytes, boundary: str) -> bool:
    """Whether the first line that is not blank is the delimiter, and the last one the closing delimiter (RFC 2046 5.1.1)."""
    delimiter = b"--" + boundary.encode("utf-8", "replace")
    text = body.lstrip(b"\r\n").rstrip(_BLANKS)
    first, last = text[: text.find(b"\n") + 1].rstrip(_BLANKS), text[text.rfind(b"\n") + 1 :]
    return bool(boundary) and first == delimiter and last == delimiter + b"--"


def _keeps_ascii(charset: str) -> bool:
    if _SHIFTED.match(charset.replace("_", "-")):
        return False
    try:
        return str(_ASCII, charset, "replace") == _ASCII.decode("ascii")
    except (LookupError, ValueError):  # unknown, so that every reader has to guess; or no name at all
        return charset.isascii() and charset.isprintable()
