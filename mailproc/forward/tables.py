"""The tables of the forwarder, in SQLAlchemy Core."""

from __future__ import annotations

import sqlalchemy as sa

from mailproc.columns import Instant, Number

metadata = sa.MetaData()

list_ = sa.Table(
    "forward_list",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False, doc="lower-case"),
    sa.Column("domain", sa.Text, nullable=False, doc="lower-case, '' for every domain"),
    sa.Column("kind", sa.Text, nullable=False, doc="list or alias"),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False, doc="an address, '' for nobody"),
    sa.Column("posters", sa.Text, nullable=False, doc="who may write to it: anyone, members or owner"),
    sa.Column("strong", sa.Boolean, nullable=False, doc="and whether they must have proven who they are"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.UniqueConstraint("name", "domain"),
)

member = sa.Table(
    "forward_member",
    metadata,
    sa.Column("list_id", sa.ForeignKey("forward_list.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("folded", sa.Text, primary_key=True, doc="the address in lower case, or '@' and the name of another list"),
    sa.Column("address", sa.Text, nullable=False, doc="as it was given"),
    sa.Column("receives", sa.Boolean, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
)

bounce = sa.Table(
    "forward_bounce",
    metadata,
    sa.Column("address", sa.Text, primary_key=True, doc="lower-case"),
    sa.Column("status", sa.Text, nullable=False, doc="enhanced status code, RFC 3463"),
    sa.Column("text", sa.Text, nullable=False, doc="what the other server had to say"),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("last_seen", Instant, nullable=False),
)

# Who has had which mail, so that who is in two lists to which it was sent gets it once.
served = sa.Table(
    "forward_served",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True, doc="of the mail without its trace fields"),
    sa.Column("recipient", sa.Text, primary_key=True, index=True, doc="lower-case"),
    sa.Column("served_at", Instant, nullable=False, index=True),
)
