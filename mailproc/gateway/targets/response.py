"""What a server has answered, read as what anybody may have written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from mailproc.gateway.targets.service import without
from mailproc.reading import one_line

LONGEST_WAIT = 3600.0  # seconds that a server may have us wait

_LONGEST = 4000  # characters that are looked at to be shown
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Response:
    """A server's status, header and what it sent, of a longer body the beginning; nobody is shown ``secrets``."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

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
        return self.shown(self.body.decode("utf-8", "replace"))

    def shown(self, text: str) -> str:
        """A text of the server's on one line, for people, without the secrets, in JSON with escapes or not."""
        plain = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text[:_LONGEST]).replace("\\/", "/")
        return one_line(without(self.secrets, one_line(plain, _LONGEST)))

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
