"""Media types and their parameters (RFC 2045 section 5.1, RFC 2231)."""

from __future__ import annotations

import re
from itertools import islice

from mailproc.reading.charsets import decode_text
from mailproc.reading.comments import BLANKS, QUOTED, unquoted, without_comments
from mailproc.reading.header import Header

MAX_PARAMETERS = 1000

TOKEN = r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]{1,127}"  # noqa: S105 - the token of RFC 2045
_TYPE = re.compile(rf"\s*({TOKEN}/{TOKEN})\s*(?:;|\Z)", re.ASCII)
_PARAMETER = re.compile(rf";\s*+([^\s=;\"]++)\s*+=\s*+({QUOTED}|[^;]*+)", re.DOTALL | re.ASCII)
_ESCAPED_OCTET = re.compile(rb"%([0-9A-Fa-f]{2})")


def top_type(header: Header) -> tuple[str, dict[str, str]]:
    """The content type of a header, lower-case, and its parameters; that of the topmost field where there are several.

    What is missing or malformed is ``text/plain`` without parameters (RFC 2045 section 5.2).
    """
    return content_type(header) or ("text/plain", {})


def content_type(header: Header) -> tuple[str, dict[str, str]] | None:
    """The content type and its parameters, None when it is missing or malformed."""
    value = without_comments(header.first("Content-Type") or "")
    found = _TYPE.match(value)
    return (found[1].lower(), parameters(value)) if found else None


def parameters(value: str) -> dict[str, str]:
    """The parameters of a field value without comments; names are lower-case, and the first of two wins.

    Charsets, languages and continuations of RFC 2231 are resolved, up to the first gap.
    """
    plain: dict[str, str] = {}
    extended: dict[str, dict[str, str]] = {}
    for found in islice(_PARAMETER.finditer(value), MAX_PARAMETERS):
        name, star, section = found[1].lower().partition("*")
        text = unquoted(found[2].strip(BLANKS))
        (extended.setdefault(name, {}) if star else plain).setdefault(section if star else name, text)
    for name, sections in extended.items():
        joined = _joined(sections)
        if joined is not None:
            plain[name] = joined
    return plain


def _joined(sections: dict[str, str]) -> str | None:
    """The text of ``name*`` or of ``name*0``, ``name*1*`` and so on (RFC 2231 sections 3 and 4)."""
    if "" in sections:
        sections = {"0*": sections[""]}
    charset, octets, number = "", b"", 0
    pieces = []
    while (encoded := sections.get(f"{number}*")) is not None or f"{number}" in sections:
        if encoded is None:
            octets = sections[f"{number}"].encode("utf-8", "replace")
        else:
            if number == 0 and encoded.count("'") >= 2:
                charset, _, encoded = encoded.split("'", 2)
            octets = _ESCAPED_OCTET.sub(lambda found: bytes([int(found[1], 16)]), encoded.encode("utf-8", "replace"))
        pieces.append(octets)
        number += 1
    return decode_text(b"".join(pieces), charset or None) if pieces else None
