"""Arguments that may stand in the lines of stdin instead."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from mailproc.errors import MailprocError

_STDIN = "-"
_LONGEST = 8192  # octets


def arguments_or_lines(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each argument, - replaced by the lines of stdin, and before it where it stood, for an error.

    Blank lines and those that begin with ``#`` are passed over. Raises `MailprocError` for a line that is no UTF-8.
    """
    for argument in arguments:
        if argument == _STDIN:
            yield from _lines()
        else:
            yield "", argument


def _lines() -> Iterator[tuple[str, str]]:
    number = 0
    while line := sys.stdin.buffer.readline(_LONGEST):
        number += 1
        try:
            address = line.decode().strip()
        except UnicodeDecodeError:
            raise MailprocError(f"line {number} of stdin: is not UTF-8; write it so") from None
        if address and not address.startswith("#"):
            yield f"line {number} of stdin: ", address
