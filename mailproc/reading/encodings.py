"""Content transfer encodings, decoded without ever refusing (RFC 2045 section 6)."""

from __future__ import annotations

import binascii
import re
import string

_BASE64 = (string.ascii_letters + string.digits + "+/").encode()
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_BROKEN_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?(?:\n|\Z))")


def from_base64(data: bytes) -> bytes:
    """What the base64 stands for; foreign characters are ignored, a broken end is dropped (RFC 2045 section 6.8)."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        kept = data.translate(None, _NOT_BASE64)
        kept = kept[:-1] if len(kept) % 4 == 1 else kept
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def decode_transfer(data: bytes, encoding: str, *, whole: bool = True) -> tuple[bytes, tuple[str, ...]]:
    """The octets that ``data`` stands for, and the defects found on the way.

    ``encoding`` is lower-case. What has an unknown encoding is taken as it is. ``whole`` is False for the beginning of
    something longer, which may end anywhere.
    """
    if encoding == "base64":
        return from_base64(data), () if _is_base64(data, whole) else ("bad-base64",)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data), ("bad-quoted-printable",) if _BROKEN_ESCAPE.search(data) else ()
    return data, () if encoding in ("", "7bit", "8bit", "binary") else ("unknown-transfer-encoding",)


def _is_base64(data: bytes, whole: bool) -> bool:
    """Whether it is nothing but groups of four, the last one padded; readers disagree about what stands behind padding."""
    octets = data.translate(None, b" \t\r\n")
    digits = octets.rstrip(b"=")
    padded = len(digits) % 4 != 1 and len(octets) >= len(digits) + -len(digits) % 4
    return (padded or not whole) and not digits.translate(None, _BASE64)
