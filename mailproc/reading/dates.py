"""The Date field (RFC 5322 sections 3.3 and 4.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from mailproc.reading.comments import without_comments

_DATE_TIME = re.compile(
    r"(?:[A-Za-z]{3,9},?\s*)?([0-9]{1,2})[\s-]+([A-Za-z]{3})[a-z]*[\s-]+([0-9]{2,4})\s+"
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\s*([+-][0-9]{4}|[A-Za-z]{1,5})?(?![0-9])"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2}

# Mail is not older than RFC 821, and who plans beyond 2100 has a broken clock.
_YEARS = range(1982, 2100)


def read_date(value: str | None) -> datetime | None:
    """The moment that a Date field names, aware; None when it is missing, not a date, or absurd."""
    found = _DATE_TIME.match(without_comments((value or "")[:200]).strip())
    if found is None:
        return None
    try:
        return _moment(*found.groups())
    except ValueError:  # no such day, hour, month or zone
        return None


def _moment(day: str, month: str, year: str, hour: str, minute: str, second: str | None, zone: str | None) -> datetime:
    full_year = int(year)
    if len(year) < 4:  # RFC 5322 section 4.3
        full_year += 2000 if full_year < 50 else 1900
    if full_year not in _YEARS:
        raise ValueError(year)
    leap_safe = min(int(second or 0), 59)
    return datetime(
        full_year, _MONTHS.index(month.lower()) + 1, int(day), int(hour), int(minute), leap_safe, tzinfo=_zone(zone)
    )


def _zone(zone: str | None) -> timezone:
    if not zone or zone[0] not in "+-":
        return timezone(timedelta(hours=_ZONES.get((zone or "").upper(), 0)))
    hours, minutes = int(zone[1:3]), int(zone[3:])
    if minutes > 59:
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset) if offset else UTC
