"""Sets of uids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.maildrops.sequence_set import UidList, chunks, sequence_set

UIDS = st.lists(st.integers(1, 2**32 - 1) | st.integers(1, 300))


def read(text: str) -> list[int]:
    """The numbers that a server would read from a set."""
    numbers: list[int] = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition(":")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


@given(UIDS)
def test_sets_name_what_was_given_and_nothing_else(uids: list[int]) -> None:
    """All chunks together, as a server reads them, are the uids that were given."""
    named = [number for numbers in chunks(uids) for number in read(sequence_set(numbers))]
    assert named == sorted(set(uids))


def test_a_set_fits_into_a_command_line() -> None:
    """The longest set leaves room for the command within 8192 octets (RFC 7162 section 4)."""
    longest = max(len(sequence_set(numbers)) for numbers in chunks(range(2**32 - 1, 2**32 - 4000, -2)))
    assert longest < 8192 - 200


def test_neighbours_are_a_range() -> None:
    """The set of neighbours is short."""
    assert sequence_set([1, 2, 3, 7, 9, 10]) == "1:3,7,9:10"


@given(UIDS)
def test_a_uid_list_is_rising_and_has_each_once(uids: list[int]) -> None:
    """Whatever order a server answers in, the list is in order, as texts."""
    held = UidList(uids)
    assert list(held) == [str(uid) for uid in sorted(set(uids))]
    assert held[1:3] == list(held)[1:3]


@pytest.mark.parametrize("number", [0, -1, 2**32])
def test_what_is_no_uid_is_refused(number: int) -> None:
    """Numbers outside 1 to 4294967295 are no uids."""
    with pytest.raises((ValueError, OverflowError)):
        UidList([5, number])
