"""Faults of ours that belong to no message: their OOPS has no receipt, but the client can cite its id."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from sqlalchemy.engine import Engine

from mailproc.database import oopses
from mailproc.database.engine import writing
from mailproc.errors import MailprocError
from mailproc.oops import make_oops
from mailproc.reading import one_line

log = logging.getLogger("mailproc")


def record(engine: Engine, error: Exception) -> str:
    """Record a fault; answers the id of its OOPS, which stands in the log also where the database is away."""
    oops = make_oops(error, now=datetime.now(UTC))
    log.error("%s: %s: %s", oops.id, type(error).__name__, one_line(str(error)), exc_info=error)
    try:
        with writing(engine) as conn:
            oopses.insert(conn, oops)
    except MailprocError as away:
        log.error("%s could not be recorded: %s", oops.id, away)
    return oops.id
