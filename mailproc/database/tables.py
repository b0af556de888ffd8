"""The tables, in SQLAlchemy Core: what mailproc remembers.

Times are stored as UTC. Texts of a mail are stored as they were read; whoever shows them escapes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: aware on both sides, UTC in the database (SQLite keeps no zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """To the database, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """From the database, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


naming = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=naming)

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers only an INTEGER primary key by itself


def _partial(name: str, column: str, where: str) -> sa.Index:
    return sa.Index(name, column, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


user = sa.Table(
    "mailproc_user",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("require_strong", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("password", sa.Text, doc="scrypt, as `database.passwords` writes it; NULL: no login at a door"),
)

address = sa.Table(
    "mailproc_address",
    metadata,
    sa.Column("address", sa.Text, primary_key=True, doc="lower-case, as Address.folded gives it"),
    sa.Column("user_name", sa.ForeignKey("mailproc_user.name", ondelete="CASCADE"), nullable=False, index=True),
)

key = sa.Table(
    "mailproc_key",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True, doc="the primary key's, upper-case hex"),
    sa.Column("user_name", sa.ForeignKey("mailproc_user.name", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("certificate", sa.LargeBinary, nullable=False, doc="binary, public parts only"),
    sa.Column("expires_at", Instant),
    sa.Column("revoked", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Instant, nullable=False),
)

# A signature names its issuer by fingerprint or key id, of the primary key or of a subkey: all lead to the certificate.
key_name = sa.Table(
    "mailproc_key_name",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, doc="fingerprint or 16-digit key id, upper-case hex"),
    sa.Column("fingerprint", sa.ForeignKey("mailproc_key.fingerprint", ondelete="CASCADE"), primary_key=True, index=True),
)

# Who works: a row for each run. On one machine its flock tells whether it lives, across machines its lease.
owner = sa.Table(
    "mailproc_owner",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("lease_until", Instant, nullable=False),
)

# What the administrator is to be told of is little among all that is kept: for it there are indexes of its own.
REPORTABLE = "reported_at IS NULL AND (disposition IN ('failed', 'rejected') OR report)"
UNREPORTED = "reported_at IS NULL AND failed_at IS NOT NULL"

receipt = sa.Table(
    "mailproc_receipt",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, doc="made from sha256 and recipient, so that it is the same over every attempt"),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False, doc="'' where none was found: NULL would not be unique"),
    sa.Column("size", Number, nullable=False),
    sa.Column("entrance", sa.Text, nullable=False),
    sa.Column("maildrop", sa.Text),
    sa.Column("uidvalidity", Number),
    sa.Column("uid", sa.Text),
    sa.Column("reverse_path", sa.Text),
    sa.Column("message_id", sa.Text),
    sa.Column("archive_url", sa.Text, nullable=False),
    sa.Column("sender", sa.Text),
    sa.Column("user", sa.Text),
    sa.Column("trust", sa.Text),
    sa.Column("method", sa.Text),
    sa.Column("fingerprint", sa.Text),
    sa.Column("handler", sa.Text),
    sa.Column("verdict", sa.Text),
    sa.Column("rule", sa.Text),
    sa.Column("disposition", sa.Text, doc="NULL while waiting"),
    sa.Column("reason", sa.Text),
    sa.Column("answer", sa.Text, doc="queued, or why there is none"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claim", sa.Integer, nullable=False, default=0, doc="rises with every start and never falls: the fence"),
    sa.Column("owner", sa.Text),
    sa.Column("deferrals", sa.Integer, nullable=False, default=0),
    sa.Column("retry_at", Instant),
    sa.Column("waiting_since", Instant, nullable=False),
    sa.Column("copies", sa.Integer, nullable=False, default=0),
    sa.Column("oops_id", sa.Text),
    sa.Column("arrival", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("deleted_at", Instant, doc="when its source let go of it: a maildrop, or a client that has our 250"),
    sa.Column("reply", sa.Text, doc="what a client was told that waited for the end; the same bytes get it again"),
    sa.Column(
        "report", sa.Boolean, nullable=False, default=False, server_default=sa.false(), doc="the report is to tell of it"
    ),
    sa.Column("reported_at", Instant),
    sa.UniqueConstraint("sha256", "recipient"),
    sa.Index("ix_mailproc_receipt_place", "maildrop", "uidvalidity", "uid"),
    sa.Index("ix_mailproc_receipt_disposition", "disposition", "received_at"),
    _partial("ix_mailproc_receipt_unreported", "finished_at", REPORTABLE),
)

# How many receipts were ever opened, counted beside them: what status balances against.
tally = sa.Table(
    "mailproc_tally",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("count", Number, nullable=False),
)

replay = sa.Table(
    "mailproc_replay",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("signed_at", Instant, primary_key=True),
    sa.Column("content_sha256", sa.Text, primary_key=True),
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("receipt_id", sa.Text, nullable=False),
)

oops = sa.Table(
    "mailproc_oops",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("signature", sa.Text, nullable=False, index=True),
    sa.Column("exception", sa.Text, nullable=False),
    sa.Column("traceback", sa.Text, nullable=False),
    sa.Column("principal", sa.Text),
    sa.Column("message_id", sa.Text),
    sa.Column("recipient", sa.Text),
    sa.Column("archive_url", sa.Text),
    sa.Column("receipt_id", sa.Text, index=True),
    sa.Column("created_at", Instant, nullable=False, index=True),
)

UNSENT = "sent_at IS NULL AND failed_at IS NULL"
UNTOLD = "failed_at IS NOT NULL AND told_at IS NULL"

# The bytes of what is sent, apart from who gets them: a mail to many is kept once.
letter = sa.Table(
    "mailproc_letter",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("tell", sa.Text, doc="who is told of recipients that are refused for good, NULL: nobody"),
)

outbox = sa.Table(
    "mailproc_outbox",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("receipt_id", sa.Text, index=True),
    sa.Column("answer", sa.Boolean, nullable=False, default=False),
    sa.Column("reverse_path", sa.Text, nullable=False, doc="'' is the null path"),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claim", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.Text),
    sa.Column("retry_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("failed_at", Instant),
    sa.Column("reply", sa.Text, doc="the relay's last words"),
    sa.Column("letter_id", sa.ForeignKey("mailproc_letter.id"), nullable=False, index=True),
    sa.Column("status", sa.Text, doc="enhanced status code (RFC 3463) of a refusal in words of ours"),
    sa.Column("told_at", Instant, doc="when it was seen to that who is told of a refusal is told"),
    sa.Column("reported_at", Instant),
    sa.Index("ix_mailproc_outbox_recipient", "recipient", "created_at"),
    # What waits is little, what was sent is much: without it every empty look would read all of that.
    _partial("ix_mailproc_outbox_waiting", "id", UNSENT),
    _partial("ix_mailproc_outbox_unreported", "failed_at", UNREPORTED),
    _partial("ix_mailproc_outbox_untold", "letter_id", UNTOLD),
)

UNDONE = "done_at IS NULL AND failed_at IS NULL"

# What handlers want done elsewhere, and how far it got.
errand = sa.Table(
    "mailproc_errand",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("receipt_id", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, doc="the handler's, '' where a message has one errand"),
    sa.Column("handler", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False, doc="JSON"),
    sa.Column("progress", sa.Text, nullable=False, default="{}", doc="JSON: what has been done of it already"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("waiting_since", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, doc="tries that came to nothing"),
    sa.Column("starts", sa.Integer, nullable=False, default=0, doc="starts that ended without a word"),
    sa.Column("claim", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.Text),
    sa.Column("retry_at", Instant),
    sa.Column("done_at", Instant),
    sa.Column("failed_at", Instant),
    sa.Column("reply", sa.Text, doc="the note of the handler, or what went wrong"),
    sa.Column("oops_id", sa.Text),
    sa.Column("reported_at", Instant),
    sa.UniqueConstraint("receipt_id", "key"),
    _partial("ix_mailproc_errand_waiting", "id", UNDONE),
    _partial("ix_mailproc_errand_unreported", "failed_at", UNREPORTED),
)
