"""Arguments that may stand in the lines of stdin instead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator

from mailproc.errors import MailprocError

_STDIN = "-"
_LONGEST = 8192  # octets
_MARK = "\ufeff"  # which editors of Windows put before UTF-8


def arguments_or_lines(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each argument, - replaced by the lines of stdin, and before it where it stood, for an error.

    Blank lines and those that begin with ``#`` are passed over. Raises `MailprocError` for a line that is no UTF-8, or that
    has more than 8192 octets.
    """
    for argument in arguments:
        if argument == _STDIN:
            yield from _lines()
        else:
            yield "", argument


def read_all(arguments: Iterable[str], read: Callable[[str], str]) -> tuple[list[str], list[str]]:
    """Where each of them stood, and what it is read as; a ValueError of ``read`` is a `MailprocError` with the place."""
    places: list[str] = []
    found: list[str] = []
    for place, text in arguments_or_lines(arguments):
        try:
            found.append(read(text))
        except ValueError as error:
            raise MailprocError(f"{place}{error}") from None
        places.append(place)
    return places, found


def _lines() -> Iterator[tuple[str, str]]:
    number = 0
    while line := sys.stdin.buffer.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise MailprocError(f"line {number} of stdin: has more than {_LONGEST} octets; write one address a line")
        try:
            address = line.decode().removeprefix(_MARK if number == 1 else "").strip()
        except UnicodeDecodeError:
            raise MailprocError(f"line {number} of stdin: is not UTF-8; write it so") from None
        if address and not address.startswith("#"):
            yield f"line {number} of stdin: ", address
