"""people, bugs, and what is said of them"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "bugs_person",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
    )
    op.create_table(
        "bugs_bug",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("reporter", sa.Text, sa.ForeignKey("bugs_person.name"), nullable=False),
        sa.Column("assignee", sa.Text, sa.ForeignKey("bugs_person.name"), nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("importance", sa.Text, nullable=False),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("duplicate_of", sa.Integer, sa.ForeignKey("bugs_bug.number"), nullable=True),
    )
    op.create_table(
        "bugs_entry",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("bug", sa.Integer, sa.ForeignKey("bugs_bug.number"), nullable=False, index=True),
        sa.Column("author", sa.Text, sa.ForeignKey("bugs_person.name"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("mail", sa.Text, nullable=False, index=True),
    )
    op.create_table(
        "bugs_subscription",
        sa.Column("bug", sa.Integer, sa.ForeignKey("bugs_bug.number"), primary_key=True),
        sa.Column("person", sa.Text, sa.ForeignKey("bugs_person.name"), primary_key=True),
    )
    op.create_table(
        "bugs_tag",
        sa.Column("bug", sa.Integer, sa.ForeignKey("bugs_bug.number"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )
