"""When what was put off is due again: at its time, and at once when that time can only be a wrong clock's."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from mailproc.patience import retry_after

LONGEST_WAIT = retry_after(100)  # nothing is put off for longer: a later time was written when the clock was wrong


def is_due(retry_at: datetime | None, now: datetime) -> bool:
    """Whether what was put off until ``retry_at`` is due; None stands for what was never put off."""
    return retry_at is None or not now < retry_at <= now + LONGEST_WAIT


def due_by(retry_at: sa.ColumnElement[datetime], now: datetime) -> sa.ColumnElement[bool]:
    """The condition of SQL that says of a column what `is_due` says of a time."""
    return sa.or_(retry_at.is_(None), retry_at <= now, retry_at > now + LONGEST_WAIT)
