"""Reading the receipts, for people and programs that ask what became of a mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailproc.database.errands import told_of
from mailproc.database.outbox import recipients_of
from mailproc.database.tables import receipt

# What a listing tells of a receipt, in this order: a contract.
LISTED = (
    "id",
    "sha256",
    "message_id",
    "entrance",
    "maildrop",
    "uidvalidity",
    "uid",
    "reverse_path",
    "sender",
    "user",
    "trust",
    "method",
    "recipient",
    "handler",
    "verdict",
    "disposition",
    "reason",
    "attempts",
    "retry_at",
    "oops_id",
    "archive_url",
    "received_at",
    "finished_at",
    "deleted_at",
)
_PIECE = 500  # rows


def list_receipts(
    conn: Connection, *, dispositions: Sequence[str] = (), recipient: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Receipts, the newest first; ``dispositions`` may name ``waiting`` and ``deferred``. Memory is flat."""
    wanted = sa.select(receipt).order_by(receipt.c.received_at.desc(), receipt.c.id).limit(limit)
    if dispositions:
        wanted = wanted.where(sa.or_(*(_is(name) for name in dispositions)))
    if recipient is not None:
        wanted = wanted.where(sa.func.lower(receipt.c.recipient) == recipient.lower())
    for row in conn.execution_options(yield_per=_PIECE).execute(wanted):
        yield listed(row)


def _is(disposition: str) -> sa.ColumnElement[bool]:
    if disposition == "waiting":
        return receipt.c.disposition.is_(None)
    if disposition == "deferred":
        return sa.and_(receipt.c.disposition.is_(None), receipt.c.retry_at.is_not(None))
    return receipt.c.disposition == disposition


def find_receipt(conn: Connection, id: str) -> Row[Any] | None:
    """The receipt of this id, or None."""
    return conn.execute(sa.select(receipt).where(receipt.c.id == id)).one_or_none()


def show_receipt(conn: Connection, id: str) -> Mapping[str, Any] | None:
    """All that the ledger knows of one message, what became of everybody to whom it was sent and of its errands; or None."""
    row = find_receipt(conn, id)
    if row is None:
        return None
    return {**row._mapping, **listed(row), "outbox": recipients_of(conn, id), "errands": told_of(conn, id)}


def listed(row: Row[Any]) -> dict[str, Any]:
    """The facts of a listing; a receipt that waits for its time is ``deferred``, one that waits otherwise has no end."""
    facts = {name: row._mapping[name] for name in LISTED}
    if row.disposition is None and row.retry_at is not None:
        facts["disposition"] = "deferred"
    if row.uidvalidity is not None and str(row.uid).isdigit():
        facts["uid"] = int(row.uid)
    return facts
