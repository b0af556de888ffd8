"""What a server has answered, read as what anybody may have written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mailproc.reading import one_line

LONGEST_WAIT = 3600.0  # seconds that a server may have us wait


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's status, header and what it sent; of a longer body the first MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def object(self) -> dict[str, Any]:
        """The JSON object in it, an empty one where there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def line(self) -> str:
        """Its text on one line, for people."""
        return one_line(self.body[:1000].decode("utf-8", "replace"))

    @property
    def retry_after(self) -> float | None:
        """The seconds that ``Retry-After`` asks for (RFC 9110 section 10.2.3; Zulip gives fractions), at most an hour."""
        value = next((value for name, value in self.headers.items() if name.lower() == "retry-after"), "").strip()[:40]
        try:
            seconds = float(value)
        except ValueError:
            seconds = _until(value)
        return min(seconds, LONGEST_WAIT) if seconds > 0 else None  # not for NaN, of which nothing is true


def _until(date: str) -> float:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, IndexError, OverflowError):
        return math.nan
    return (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
