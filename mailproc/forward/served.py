"""Who has had which mail: who stands in two lists to which it was sent gets it once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.columns import insert
from mailproc.forward.tables import served
from mailproc.rawmail import TRACE, RawMail

KEPT = timedelta(days=30)

_OF_A_WAY = TRACE | {"x-loop"}  # the fields that differ from one copy of a mail to the next


def digest_of(mail: RawMail) -> str | None:
    """The same text for every copy of a mail, whichever way each came: of all but its trace fields and marks against loops.

    None for a mail without a Message-ID: nothing says that two of them are one mail (RFC 5322 section 3.6.4).
    """
    if not any(field.value for field in mail.all("Message-ID")):
        return None
    digest = hashlib.sha256()
    for field in mail.fields:
        if field.name.lower() not in _OF_A_WAY:
            digest.update(field.raw.replace(b"\r\n", b"\n"))
    digest.update(bytes(mail.rest).replace(b"\r\n", b"\n"))
    return digest.hexdigest()


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
