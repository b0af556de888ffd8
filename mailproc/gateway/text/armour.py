"""Clear-signed text (RFC 9580 section 7) without what is there for programs."""

from __future__ import annotations

from collections.abc import Iterator

_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"


def without_armour(text: str) -> str:
    """The text with what was signed in place of each clear-signed message; one that is not whole stays as it is.

    Nothing is verified: what is posted needs no signature.
    """
    return "\n".join(_lines(text.split("\n"))) if _BEGIN in text else text


def _lines(lines: list[str]) -> Iterator[str]:
    at = 0
    marks = [number for number, line in enumerate(lines) if line.rstrip() in {_BEGIN, _SIGNATURE, _END}]
    for begin, signature, end in zip(marks, marks[1:], marks[2:], strict=False):
        found = [lines[mark].rstrip() for mark in (begin, signature, end)]
        if begin < at or found != [_BEGIN, _SIGNATURE, _END]:
            continue
        yield from lines[at:begin]
        yield from map(_unescaped, _below_blank(lines[begin + 1 : signature]))
        at = end + 1
    yield from lines[at:]


def _below_blank(lines: list[str]) -> list[str]:
    """Without the Hash headers, which end with an empty line."""
    blank = next((number for number, line in enumerate(lines) if not line.strip()), -1)
    return lines[blank + 1 :]


def _unescaped(line: str) -> str:
    return line[2:] if line.startswith("- ") else line
