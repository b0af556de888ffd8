"""The names of titles: ``FORM`` is who is in the chair, ``FORM13`` who was in 2013, ``GFORM`` who was the year before.

A title is ``[prefix][root][year]``, in capitals. The prefix says how long ago it was, counted in years of office back from the
year: ``K`` is the one to come, ``G`` and ``T`` one ago, ``B`` two, ``O`` three; a number behind a letter multiplies it, and
letters add up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OFFICES = ("CERM", "FORM", "INKA", "KASS", "NF", "PR", "SEKR", "VC")
GRADES = {"K": -1, "G": 1, "B": 2, "O": 3, "T": 1}

_TITLE = re.compile(rf"((?:[KGBOT][0-9]{{0,2}})*)({'|'.join(OFFICES)}|BESTFU|BEST|E?FU(?:[A-ZÆØÅ]{{2}})?)([0-9]*)")
_GRADE = re.compile(r"([KGBOT])([0-9]*)")
_PIVOT = 56  # the club was founded in it: 57 is 1957, and 56 is 2056


@dataclass(frozen=True, slots=True)
class Title:
    """A title in a period, which is named by the calendar year in which it begins.

    ``root`` is an office, the title of an assistant (``FUVE``, ``EFUVE``), or all of a kind: ``BEST`` the offices, ``FU`` and
    ``EFU`` the assistants of that name, ``BESTFU`` the offices and ``FU``.
    """

    root: str
    period: int


def read_title(name: str, current: int) -> Title | None:
    """The title that a name in capitals stands for in the period ``current``; None for a name that is none."""
    found = _TITLE.fullmatch(name)
    year = _year(found[3], current) if found else None
    if found is None or year is None:
        return None
    grade = sum(GRADES[letter] * int(times or 1) for letter, times in _GRADE.findall(found[1]))
    return Title(found[2], year - grade)


def _year(digits: str, current: int) -> int | None:
    """``13``, ``2013`` and ``1314`` are 2013, and no digits the current one; ``2021`` is 2020, the year that ends in 2021."""
    if not digits:
        return current
    if len(digits) == 2:
        return _of_two(int(digits))
    if len(digits) != 4:
        return None
    first, second = int(digits[:2]), int(digits[2:])
    if second == (first + 1) % 100:
        return _of_two(first)
    return int(digits) if first in (19, 20) else None


def _of_two(digits: int) -> int:
    return digits + (1900 if digits > _PIVOT else 2000)
