"""the first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Instant = sa.DateTime(timezone=True)
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create users, keys, receipts, what guards them, OOPSes and the outbox."""
    op.create_table(
        "mailproc_user",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("require_strong", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mailproc_user"),
    )
    op.create_table(
        "mailproc_address",
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_mailproc_address"),
        sa.ForeignKeyConstraint(
            ["user_name"], ["mailproc_user.name"], name="fk_mailproc_address_user_name", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_mailproc_address_user_name", "mailproc_address", ["user_name"])
    op.create_table(
        "mailproc_key",
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_mailproc_key"),
        sa.ForeignKeyConstraint(["user_name"], ["mailproc_user.name"], name="fk_mailproc_key_user_name", ondelete="CASCADE"),
    )
    op.create_index("ix_mailproc_key_user_name", "mailproc_key", ["user_name"])
    op.create_table(
        "mailproc_key_name",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "fingerprint", name="pk_mailproc_key_name"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["mailproc_key.fingerprint"], name="fk_mailproc_key_name_fingerprint", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_mailproc_key_name_fingerprint", "mailproc_key_name", ["fingerprint"])
    op.create_table(
        "mailproc_owner",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("lease_until", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_owner"),
    )
    op.create_table(
        "mailproc_receipt",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
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
        sa.Column("disposition", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("answer", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("deferrals", sa.Integer, nullable=False),
        sa.Column("retry_at", Instant),
        sa.Column("waiting_since", Instant, nullable=False),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.Column("oops_id", sa.Text),
        sa.Column("arrival", Instant, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.Column("deleted_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_receipt"),
        sa.UniqueConstraint("sha256", "recipient", name="uq_mailproc_receipt_sha256"),
    )
    op.create_index("ix_mailproc_receipt_place", "mailproc_receipt", ["maildrop", "uidvalidity", "uid"])
    op.create_index("ix_mailproc_receipt_disposition", "mailproc_receipt", ["disposition", "received_at"])
    op.create_table(
        "mailproc_tally",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("count", Number, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mailproc_tally"),
    )
    op.create_table(
        "mailproc_replay",
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("signed_at", Instant, nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("receipt_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "signed_at", "content_sha256", "recipient", name="pk_mailproc_replay"),
    )
    op.create_table(
        "mailproc_oops",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("exception", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=False),
        sa.Column("principal", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("recipient", sa.Text),
        sa.Column("archive_url", sa.Text),
        sa.Column("receipt_id", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_oops"),
    )
    op.create_index("ix_mailproc_oops_signature", "mailproc_oops", ["signature"])
    op.create_index("ix_mailproc_oops_receipt_id", "mailproc_oops", ["receipt_id"])
    op.create_index("ix_mailproc_oops_created_at", "mailproc_oops", ["created_at"])
    op.create_table(
        "mailproc_outbox",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("receipt_id", sa.Text),
        sa.Column("answer", sa.Boolean, nullable=False),
        sa.Column("reverse_path", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("retry_at", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("failed_at", Instant),
        sa.Column("reply", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_outbox"),
    )
    op.create_index("ix_mailproc_outbox_receipt_id", "mailproc_outbox", ["receipt_id"])
    op.create_index("ix_mailproc_outbox_recipient", "mailproc_outbox", ["recipient", "created_at"])
    unsent = sa.text("sent_at IS NULL AND failed_at IS NULL")
    op.create_index("ix_mailproc_outbox_waiting", "mailproc_outbox", ["id"], sqlite_where=unsent, postgresql_where=unsent)


def downgrade() -> None:
    """Drop them all, with everything in them."""
    for table in ("outbox", "oops", "replay", "tally", "receipt", "owner", "key_name", "key", "address", "user"):
        op.drop_table(f"mailproc_{table}")
