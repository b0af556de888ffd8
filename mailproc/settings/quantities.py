"""Sizes and times as a person writes them: ``"25 MiB"``, ``"5 min"``."""

from __future__ import annotations

import re

_SIZE_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TIME_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_QUANTITY = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]{1,3})", re.ASCII)


class Size(int):
    """A number of octets, at least 1."""


class Seconds(float):
    """A length of time in seconds, more than 0."""


def read_size(text: object) -> Size:
    """The size that ``text`` names, as in ``"25 MiB"``; raises ValueError."""
    return Size(_read(text, _SIZE_UNITS, 'a size; write it like "25 MiB"'))


def read_time(text: object) -> Seconds:
    """The time that ``text`` names, as in ``"5 min"``; raises ValueError."""
    return Seconds(_read(text, _TIME_UNITS, 'a time; write it like "30 s", "5 min", "2 h" or "1 d"'))


def _read(text: object, units: dict[str, int], wanted: str) -> float:
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r} is not {wanted}")
    quantity = float(match[1]) * units[match[2]]
    if quantity < 1:
        raise ValueError(f"{text!r} is too small")
    return quantity
