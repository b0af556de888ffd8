"""Recipients whose mail came back, as far as bounces have told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.columns import insert
from mailproc.forward.tables import bounce
from mailproc.reading import one_line


def note_bounce(session: Session, address: Address, status: str, text: str, now: datetime) -> None:
    """Keep that mail to an address came back, and what was said last; ``status`` is an enhanced status code (RFC 3463)."""
    said = {"status": one_line(status, 20), "text": one_line(text, 200), "last_seen": now}
    row = {"address": address.folded, "count": 1, "first_seen": now, **said}
    again = {**said, "count": bounce.c.count + 1}
    noted = insert(session.connection(), bounce).values(row)
    session.execute(noted.on_conflict_do_update(index_elements=[bounce.c.address], set_=again))


def forget(session: Session, addresses: Sequence[str]) -> None:
    """Forget what came back from addresses, at most some hundreds."""
    session.execute(sa.delete(bounce).where(bounce.c.address.in_([each.lower() for each in addresses])))
