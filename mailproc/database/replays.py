"""The strong signatures that have counted, each once for a recipient (design promise 4)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailproc.database.tables import replay
from mailproc.database.upsert import insert_new


def mark_replay(conn: Connection, fingerprint: str, signed_at: datetime, content_sha256: str, recipient: str, id: str) -> bool:
    """Enter a strong signature for this recipient; False when another receipt entered it before."""
    key = {"fingerprint": fingerprint, "signed_at": signed_at, "content_sha256": content_sha256, "recipient": recipient}
    if insert_new(conn, replay, [{**key, "receipt_id": id}]):
        return True
    columns = replay.c
    entered = sa.select(columns.receipt_id).where(*(columns[name] == value for name, value in key.items()))
    return bool(conn.execute(entered).scalar_one() == id)
