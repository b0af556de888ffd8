"""Sets of IMAP uids: as the server reads them in a command, and as we hold many of them in little memory."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

# A command line should be at most 8192 octets long (RFC 7162 section 4); a uid and its comma have at most 11.
_UIDS_IN_A_COMMAND = 700


class UidList(Sequence[str]):
    """Uids in rising order, each once, in four octets each; the items are their text, ``numbers`` the numbers.

    Errors: OverflowError or ValueError for what is no uid (RFC 9051 section 2.3.1.1: 1 to 4294967295).
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = array("I", numbers)
        if not all(map(operator.lt, self.numbers, self.numbers[1:])):
            self.numbers = array("I", sorted(set(self.numbers)))
        if self.numbers and self.numbers[0] == 0:
            raise ValueError("0 is no uid")

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return str(self.numbers[index]) if isinstance(index, int) else [str(number) for number in self.numbers[index]]


def chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    """The numbers in rising order, each once, in lists that fit into one command."""
    ordered = sorted(set(numbers))
    for start in range(0, len(ordered), _UIDS_IN_A_COMMAND):
        yield ordered[start : start + _UIDS_IN_A_COMMAND]


def sequence_set(numbers: Sequence[int]) -> str:
    """The set of these rising numbers in its shortest form, as ``1:3,7`` (RFC 9051 section 9).

    A range spans neighbours only, so it names nothing that was not given.
    """
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ranges)
