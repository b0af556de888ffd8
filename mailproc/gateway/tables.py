"""The tables of the gateway."""

from __future__ import annotations

import sqlalchemy as sa

from mailproc.columns import Instant, Number

metadata = sa.MetaData()

address = sa.Table(
    "gateway_address",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, doc="channel or reply"),
    sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, doc="NULL: a direct conversation"),
    sa.Column("topic", sa.Text, doc="of a conversation; that of mail to a channel comes with it"),
    sa.Column("message", sa.BigInteger, doc="a message of the conversation, by which a target finds where that is now"),
    sa.Column("users", sa.Text, doc="of a direct conversation, as a list in JSON"),
    sa.Column("user_name", sa.Text, doc="in whose name a reply is posted"),
    sa.Column("creator", sa.Text, nullable=False, default=""),
    sa.Column("sender", sa.Text, nullable=False, default=""),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("max_uses", sa.Integer),
    sa.Column("uses", sa.Integer, nullable=False, default=0),
    sa.Column("revoked_at", Instant),
    sa.Index("ix_gateway_address_realm", "realm", "channel", "creator", "sender"),
)

rate = sa.Table(
    "gateway_rate",
    metadata,
    sa.Column("id", Number, primary_key=True),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False, doc="when a mail for a channel was taken"),
    sa.Index("ix_gateway_rate_realm", "realm", "at"),
)
