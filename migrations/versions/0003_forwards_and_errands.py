"""mails that go on, things to be done elsewhere, and what the report has told"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Instant = sa.DateTime(timezone=True)
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UNREPORTED = "reported_at IS NULL AND failed_at IS NOT NULL"


def upgrade() -> None:
    """Keep the bytes of a mail apart from its recipients, remember errands, and mark what was reported."""
    op.create_table(
        "mailproc_letter",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("tell", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_letter"),
    )
    op.execute("INSERT INTO mailproc_letter (id, raw) SELECT id, raw FROM mailproc_outbox")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('mailproc_letter', 'id'), "
            "(SELECT COALESCE(MAX(id), 0) + 1 FROM mailproc_letter), false)"
        )
    op.add_column("mailproc_outbox", sa.Column("letter_id", Number))
    op.add_column("mailproc_outbox", sa.Column("status", sa.Text))
    op.add_column("mailproc_outbox", sa.Column("told_at", Instant))
    op.add_column("mailproc_outbox", sa.Column("reported_at", Instant))
    op.execute("UPDATE mailproc_outbox SET letter_id = id, told_at = failed_at, reported_at = failed_at")  # the past is no news
    with op.batch_alter_table("mailproc_outbox") as table:
        table.alter_column("letter_id", existing_type=Number, nullable=False)
        table.create_foreign_key("fk_mailproc_outbox_letter_id", "mailproc_letter", ["letter_id"], ["id"])
        table.create_index("ix_mailproc_outbox_letter_id", ["letter_id"])
        table.drop_column("raw")
    op.add_column("mailproc_receipt", sa.Column("report", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("mailproc_receipt", sa.Column("reported_at", Instant))
    op.execute("UPDATE mailproc_receipt SET reported_at = finished_at WHERE finished_at IS NOT NULL")
    reportable = "reported_at IS NULL AND (disposition IN ('failed', 'rejected') OR report)"
    _partial("ix_mailproc_receipt_unreported", "mailproc_receipt", "finished_at", reportable)
    _partial("ix_mailproc_outbox_unreported", "mailproc_outbox", "failed_at", UNREPORTED)
    _partial("ix_mailproc_outbox_untold", "mailproc_outbox", "letter_id", "failed_at IS NOT NULL AND told_at IS NULL")
    op.create_table(
        "mailproc_errand",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("receipt_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("handler", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("waiting_since", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("retry_at", Instant),
        sa.Column("done_at", Instant),
        sa.Column("failed_at", Instant),
        sa.Column("reply", sa.Text),
        sa.Column("oops_id", sa.Text),
        sa.Column("reported_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_mailproc_errand"),
        sa.UniqueConstraint("receipt_id", "key", name="uq_mailproc_errand_receipt_id"),
    )
    _partial("ix_mailproc_errand_waiting", "mailproc_errand", "id", "done_at IS NULL AND failed_at IS NULL")
    _partial("ix_mailproc_errand_unreported", "mailproc_errand", "failed_at", UNREPORTED)


def _partial(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Give every mail of the outbox its bytes back, and drop the rest."""
    op.drop_table("mailproc_errand")
    op.drop_index("ix_mailproc_receipt_unreported", "mailproc_receipt")
    op.drop_index("ix_mailproc_outbox_unreported", "mailproc_outbox")
    op.drop_index("ix_mailproc_outbox_untold", "mailproc_outbox")
    op.drop_column("mailproc_receipt", "reported_at")
    op.drop_column("mailproc_receipt", "report")
    op.add_column("mailproc_outbox", sa.Column("raw", sa.LargeBinary))
    op.execute(
        "UPDATE mailproc_outbox SET raw = "
        "(SELECT raw FROM mailproc_letter WHERE mailproc_letter.id = mailproc_outbox.letter_id)"
    )
    with op.batch_alter_table("mailproc_outbox") as table:
        table.alter_column("raw", existing_type=sa.LargeBinary(), nullable=False)
        table.drop_constraint("fk_mailproc_outbox_letter_id", type_="foreignkey")
        table.drop_index("ix_mailproc_outbox_letter_id")
        table.drop_column("letter_id")
        table.drop_column("status")
        table.drop_column("told_at")
        table.drop_column("reported_at")
    op.drop_table("mailproc_letter")
