"""periods, people, titles and circles"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table("titles_period", sa.Column("year", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table(
        "titles_person",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("direct_mail", sa.Boolean, nullable=False),
    )
    op.create_table(
        "titles_holder",
        sa.Column("title", sa.Text, primary_key=True),
        sa.Column("period", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("titles_person.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_table(
        "titles_circle",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("pattern", sa.Text, nullable=False),
    )
    op.create_table(
        "titles_membership",
        sa.Column("circle", sa.Text, sa.ForeignKey("titles_circle.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("titles_person.id", ondelete="CASCADE"), primary_key=True),
    )
