"""Whether something is to leave still: mail, a word about mail that was refused, or what handlers want done elsewhere."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mailproc.database import errands, outbox
from mailproc.database.untold import untold


def anything_leaves(conn: Connection) -> bool:
    """Whether there is something to leave, now or when its time comes."""
    return outbox.waiting(conn) > 0 or errands.waiting(conn) > 0 or untold(conn) is not None
