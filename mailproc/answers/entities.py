"""MIME entities (RFC 2045 section 2.4) as bytes: header fields, an empty line, a body, in 7-bit CRLF lines."""

from __future__ import annotations

import hashlib
import re

from mailproc.answers import fields
from mailproc.answers.original import ATTACHED, Original, attachable
from mailproc.answers.plaintext import encode

_END_OF_HEADER = re.compile(rb"(?:\A|\n)\r?\n")


def text_part(text: str) -> bytes:
    """Clean ``text`` as a text/plain entity, 7bit or quoted-printable."""
    encoding, body = encode(text)
    return b"".join(
        [
            fields.exact("Content-Type", "text/plain; charset=utf-8"),
            fields.exact("Content-Transfer-Encoding", encoding),
            b"\r\n",
            body,
        ]
    )


def original_part(original: Original, limit: int) -> bytes:
    """The first ``limit`` octets of the original as a message/rfc822 entity in 7bit."""
    described = f"the first {limit} octets of your mail" if original.size > limit else "your mail"
    return b"".join(
        [
            fields.exact("Content-Type", "message/rfc822"),
            fields.exact("Content-Description", described),
            fields.exact("Content-Disposition", 'attachment; filename="original.eml"'),
            b"\r\n",
            attachable(original.raw, limit),
        ]
    )


def header_part(original: Original) -> bytes:
    """The header of the original alone, as far as it is attached, as a text/rfc822-headers entity in 7bit (RFC 6522)."""
    beginning = original.raw[:ATTACHED]
    end = _END_OF_HEADER.search(beginning)
    header = attachable(beginning[: end.start()] if end else beginning, ATTACHED).rstrip(b"\r\n")
    return fields.exact("Content-Type", "text/rfc822-headers") + b"\r\n" + header + b"\r\n"


def multipart(parts: list[bytes], subtype: str = "mixed") -> bytes:
    """The parts as a multipart of this subtype, which parameters may follow.

    The boundary is their digest, which nobody can have written into one of them.
    """
    boundary = "=_" + hashlib.sha256(b"".join(parts)).hexdigest()[:40]
    line = f"--{boundary}".encode("ascii")
    content_type = fields.exact("Content-Type", f'multipart/{subtype}; boundary="{boundary}"')
    body = b"".join(b"\r\n%b\r\n%b" % (line, part) for part in parts)
    return b"%b\r\n%b\r\n%b--\r\n" % (content_type, body.removeprefix(b"\r\n"), line)
