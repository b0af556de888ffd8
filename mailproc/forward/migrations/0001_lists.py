"""lists and aliases, what came back, and who was served"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Instant = sa.DateTime(timezone=True)
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the four tables."""
    op.create_table(
        "forward_list",
        sa.Column("id", Number, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("posters", sa.Text, nullable=False),
        sa.Column("strong", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("closed_at", Instant),
        sa.UniqueConstraint("name", "domain", name="uq_forward_list_name"),
    )
    op.create_table(
        "forward_member",
        sa.Column(
            "list_id",
            Number,
            sa.ForeignKey("forward_list.id", ondelete="CASCADE", name="fk_forward_member_list_id"),
            primary_key=True,
        ),
        sa.Column("folded", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("receives", sa.Boolean, nullable=False),
        sa.Column("added_at", Instant, nullable=False),
    )
    op.create_table(
        "forward_bounce",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_seen", Instant, nullable=False),
        sa.Column("last_seen", Instant, nullable=False),
    )
    op.create_table(
        "forward_served",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("served_at", Instant, nullable=False),
    )
    op.create_index("ix_forward_served_recipient", "forward_served", ["recipient"])
    op.create_index("ix_forward_served_served_at", "forward_served", ["served_at"])


def downgrade() -> None:
    """Drop them."""
    for name in ("forward_served", "forward_bounce", "forward_member", "forward_list"):
        op.drop_table(name)
