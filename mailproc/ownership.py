"""This run as an owner of receipts, and which other owners still live.

Within one state folder the kernel knows: a run holds a lock on a file of its own (`State.owning`), which is free as soon
as the run has died. Of a run on another machine, or beside another state folder, only its lease can tell.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from mailproc.database import owners
from mailproc.processing.works import Owner


def owner(folder: Path, id: str, clock: Callable[[], datetime]) -> Owner:
    """The owner ``id`` as processing wants it; ``folder`` holds the locks of all runs that are near enough to ask."""
    host = f"{socket.gethostname()}:{folder.resolve()}"

    def living(conn: Connection) -> set[str]:
        now = clock()
        return {
            row.id
            for row in owners.entered(conn)
            if row.id == id or (_locked(folder / row.id) if row.host == host else row.lease_until > now)
        }

    return Owner(id, host, living)


def forget_the_dead(conn: Connection, me: Owner) -> None:
    """Take the owners that have died off the list, so that it stays short."""
    alive = me.living(conn)
    owners.forget(conn, [row.id for row in owners.entered(conn) if row.id not in alive])


def _locked(path: Path) -> bool:
    """Whether a living process holds the lock of this file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)
