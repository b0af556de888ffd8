"""Doors for a handler that was written for aiosmtpd or smtpd: it gets the mail, without ledger and archive."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mailproc.oops import new_id
from mailproc.privileges import drop_rights
from mailproc.reading import one_line
from mailproc.reception.doors import bound_doors, keep_open, make_census
from mailproc.settings import Serve
from mailproc.smtpd import Caller
from mailproc.smtpd.guest import bring
from mailproc.systemd import Service

log = logging.getLogger("mailproc")


def serve_guest(
    serve: Serve,
    target: str,
    arguments: Sequence[str],
    *,
    max_size: int,
    service: Service,
    lmtp: bool,
    stay: bool,
    say: Callable[[str], None],
) -> int:
    """Serve by the handler that ``target`` names, made with ``arguments``, until told to stop; answers the exit status."""
    with bound_doors(serve, lmtp=lmtp, stay=stay) as doors:
        drop_rights(serve.user, stay=stay)
        handler = bring(target, arguments, Path.cwd())
        census = make_census(serve, max_size)
        return os.EX_OK if asyncio.run(keep_open(doors, handler, census, _noted, service, say=say)) else os.EX_SOFTWARE


async def _noted(caller: Caller, error: Exception) -> str:
    """Log a bug of the handler; answers the id that its client is told."""
    id = new_id(datetime.now(UTC))
    log.error("%s: %s: %s", id, type(error).__name__, one_line(str(error)), exc_info=error)
    return id
