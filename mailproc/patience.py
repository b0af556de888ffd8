"""How long we wait for what is away, how often we ask, and how often a message may die with us."""

from __future__ import annotations

from datetime import timedelta

PATIENCE = timedelta(days=4)  # as long as an MTA tries (RFC 5321 section 4.5.4.1)
MAX_STARTS = 3  # a message that died with us so often is set aside
_FIRST = timedelta(minutes=1)
_LAST = timedelta(hours=1)


def retry_after(before: int) -> timedelta:
    """How long to wait now, when there was a wait ``before`` times already: 1 minute for 0, doubling, at most 1 hour."""
    return min(_FIRST * (1 << min(before, 10)), _LAST)
