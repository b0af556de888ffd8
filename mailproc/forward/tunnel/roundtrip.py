"""What the standard library makes of a mail when it reads it and writes it again."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.generator import BytesGenerator
from email.policy import compat32
from io import BytesIO

# Of a mail that is given to the parser of the standard library: it compares each line with the boundaries of all levels.
_MAX_OCTETS = 256 * 1024
_MAX_MULTIPARTS = 10
_COLON = re.compile(rb": *")
_LINE_ENDS = re.compile(rb"[\r\n]+")


def survives_parsing(raw: bytes) -> bool:
    """Whether the standard library writes the mail as it has read it, but for blanks behind a colon and at the end of lines.

    Nothing that we send on has gone that way; this tells who parses the mail what the parsing costs. Never raises; a mail of
    more than 256 KiB or ten multiparts is not tried, and counts as one that survives.
    """
    if not _is_tried(raw):
        return True
    written = parsed_and_written(raw)
    if written is None:
        return False
    return raw.rstrip(b"\r\n") == written.rstrip(b"\r\n") or _loose(raw) == _loose(written)


def parsed_and_written(raw: bytes) -> bytes | None:
    """The mail as the standard library writes it when it has read it; None where it is not tried, or where that raises."""
    if not _is_tried(raw):
        return None
    out = BytesIO()
    try:
        BytesGenerator(out, mangle_from_=False, maxheaderlen=0, policy=compat32).flatten(message_from_bytes(raw))
    except Exception:  # whatever the bytes do to it, down to RecursionError
        return None
    return out.getvalue()


def _is_tried(raw: bytes) -> bool:
    return len(raw) <= _MAX_OCTETS and raw.lower().count(b"multipart") <= _MAX_MULTIPARTS


def _loose(raw: bytes) -> list[bytes]:
    lines = _LINE_ENDS.split(_COLON.sub(b": ", raw))
    return [line.rstrip() for line in lines if line.strip()]
