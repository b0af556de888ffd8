"""addresses of channels and conversations, and what counts against a realm's rate"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Instant = sa.DateTime(timezone=True)
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "gateway_address",
        sa.Column("id", Number, autoincrement=True, primary_key=True),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text),
        sa.Column("topic", sa.Text),
        sa.Column("message", sa.BigInteger),
        sa.Column("users", sa.Text),
        sa.Column("user_name", sa.Text),
        sa.Column("creator", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("max_uses", sa.Integer),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("revoked_at", Instant),
    )
    op.create_index("ix_gateway_address_realm", "gateway_address", ["realm", "channel", "creator", "sender"])
    op.create_table(
        "gateway_rate",
        sa.Column("id", Number, autoincrement=True, primary_key=True),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("ix_gateway_rate_realm", "gateway_rate", ["realm", "at"])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("gateway_rate")
    op.drop_table("gateway_address")
