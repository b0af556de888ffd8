"""Who has had which mail: who stands in two lists to which it was sent gets it once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.columns import insert
from mailproc.forward.tables import served

KEPT = timedelta(days=30)

# What the author's program writes. All that stands above the first of them was put there on the way, and differs from one copy
# of a mail to the next.
_AUTHORS = re.compile(
    rb"^(?:from|sender|reply-to|to|cc|bcc|date|subject|message-id|in-reply-to|references|mime-version|content-type"
    rb"|content-transfer-encoding|user-agent|x-mailer)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


def digest_of(raw: bytes, start: int = 0) -> str:
    """The same text for every copy of a mail, whatever servers have put on top of it; its header begins at ``start``."""
    found = _AUTHORS.search(raw, start)
    written = raw[found.start() if found else start :]
    return hashlib.sha256(written.replace(b"\r\n", b"\n")).hexdigest()


def had_mail(session: Session, recipients: Iterable[str], now: datetime) -> frozenset[str]:
    """Those of the recipients, in lower case, to whom some mail went on in the last 30 days."""
    asked = {each.lower() for each in recipients}
    lately = sa.and_(served.c.recipient.in_(asked), served.c.served_at >= now - KEPT)
    return frozenset(session.scalars(sa.select(served.c.recipient).where(lately).distinct()))


def claim(session: Session, digest: str, recipients: Iterable[str], now: datetime) -> frozenset[str]:
    """Those of the recipients, in lower case, who have not had this mail; from now on they have.

    It is forgotten after 30 days. Who asks for the same at the same time waits until this transaction has ended.
    """
    session.execute(sa.delete(served).where(served.c.served_at < now - KEPT))
    rows = [{"digest": digest, "recipient": each, "served_at": now} for each in sorted({each.lower() for each in recipients})]
    if not rows:
        return frozenset()
    new = insert(session.connection(), served).on_conflict_do_nothing().returning(served.c.recipient)
    return frozenset(session.execute(new, rows).scalars())
