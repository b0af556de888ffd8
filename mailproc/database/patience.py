"""How long we wait for what is away, and how often we ask."""

from __future__ import annotations

from datetime import timedelta

PATIENCE = timedelta(days=4)  # as long as an MTA tries (RFC 5321 section 4.5.4.1)
_FIRST = timedelta(minutes=1)
_LAST = timedelta(hours=1)


def retry_after(deferrals: int) -> timedelta:
    """How long to wait after the ``deferrals``-th deferral: 1 minute, doubling, at most 1 hour."""
    return min(_FIRST * (1 << min(deferrals, 10)), _LAST)
