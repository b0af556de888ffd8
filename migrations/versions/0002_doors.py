"""what is told at a door, and who may log in there"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the reply to a client that waits, and the passwords of users."""
    op.add_column("mailproc_receipt", sa.Column("reply", sa.Text))
    op.add_column("mailproc_user", sa.Column("password", sa.Text))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("mailproc_user", "password")
    op.drop_column("mailproc_receipt", "reply")
