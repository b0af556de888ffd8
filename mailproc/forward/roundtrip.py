"""What two forms of a mail differ in: ours from the one that came, and a parser's from the one that it read."""

from __future__ import annotations

import re
from collections import Counter
from email import message_from_bytes
from email.generator import BytesGenerator
from email.policy import compat32
from io import BytesIO

from mailproc.rawmail import Field, RawMail

# Of a mail that is given to the parser of the standard library: it compares each line with the boundaries of all levels.
_MAX_OCTETS = 256 * 1024
_MAX_MULTIPARTS = 10
_COLON = re.compile(rb": *")
_LINE_ENDS = re.compile(rb"[\r\n]+")


def differences(before: bytes, after: bytes) -> list[str]:
    """What was changed: ``NAME: added``, ``NAME: removed`` or ``NAME: changed`` (lower-case), in order, and ``body``.

    Line ends count as equal, a field as the same where all its bytes are.
    """
    old, new = RawMail.read(before), RawMail.read(after)
    lost, won = _names(_fields(old) - _fields(new)), _names(_fields(new) - _fields(old))
    found = [f"{name}: {_verb(lost[name], won[name])}" for name in sorted(lost | won)]
    moved = [] if found or list(_fields(old)) == list(_fields(new)) else ["order"]
    return [*found, *moved, *(["body"] if _ended(old.body) != _ended(new.body) else [])]


def _fields(mail: RawMail) -> Counter[Field]:
    return Counter(Field(field.name.lower(), _ended(field.raw).rstrip(b"\n")) for field in mail.fields)


def _names(fields: Counter[Field]) -> Counter[str]:
    return Counter(field.name for field in fields.elements())


def _ended(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _verb(lost: int, won: int) -> str:
    return "changed" if lost and won else "added" if won else "removed"


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
