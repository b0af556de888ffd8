"""The addresses that were given out: made, found, used, listed and revoked.

An address that is unknown, revoked, expired or used up is one and the same to who sends mail to it: there is one query, and one
answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.columns import insert
from mailproc.gateway.pattern import ChannelAddress, Decoded, Pattern, read_pattern
from mailproc.gateway.posting import Channel, Direct
from mailproc.gateway.tables import address as table
from mailproc.gateway.tokens import derived_token, digest_of, new_token


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an address; its token is not.

    ``to``       the conversation; of a channel's address the topic is "", for it comes with the mail
    ``user``     in whose name a reply is posted, None for a channel's address
    ``creator``  and ``sender``: for whom a channel's address was made, and as whom it posts; "" for nobody in particular
    """

    id: int
    realm: str
    kind: str
    to: Channel | Direct
    user: str | None
    creator: str
    sender: str
    created_at: datetime
    expires_at: datetime | None
    max_uses: int | None
    uses: int
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """What it is worth: ``valid``, ``revoked``, ``expired`` or ``used up``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "used up" if self.max_uses is not None and self.uses >= self.max_uses else "valid"


def new_channel_address(
    session: Session,
    pattern: Pattern,
    realm: str,
    key: bytes,
    channel: str,
    *,
    creator: str = "",
    sender: str = "",
    options: Sequence[str] = (),
) -> str:
    """The address at which mail is posted to ``channel``, the same each time for the same channel, creator and sender.

    Its token is made with ``key``, of 32 octets that are not in the database, and is another one once the last was revoked.
    Raises ValueError for more ``options`` than an address can hold.
    """
    own = {"realm": realm, "kind": "channel", "channel": channel, "creator": creator, "sender": sender}
    of_these = [table.c[name] == value for name, value in own.items()]
    revoked = session.scalar(sa.select(sa.func.count()).select_from(table).where(*of_these, table.c.revoked_at.is_not(None)))
    token = derived_token(key, realm, channel, creator, sender, str(revoked))
    written = pattern.channel_address(token, channel, options)
    _insert(session, token, own)
    return written


def new_reply_address(
    session: Session,
    pattern: str,
    to: Channel | Direct,
    user: str,
    *,
    realm: str = "",
    expires_at: datetime | None = None,
    max_uses: int | None = None,
) -> str:
    """An address at which ``user`` answers in a conversation by mail, for the program that mails notifications: their Reply-To.

    ``pattern`` and ``realm`` are those options of the handler. ``expires_at`` is aware; without it, and without
    ``max_uses``, the address stays valid until it is revoked. Who has it can post as the ``user``; nobody can show it twice.
    Raises ValueError for a pattern that is none.
    """
    form = read_pattern(pattern)
    token = new_token()
    where = {"channel": to.name, "topic": to.topic, "message": to.message} if isinstance(to, Channel) else {}
    users = {} if isinstance(to, Channel) else {"users": json.dumps(to.users)}
    limits = {"expires_at": expires_at, "max_uses": max_uses}
    own = {"realm": realm or form.domains[0], "kind": "reply", "user_name": user, "creator": "", "sender": ""}
    _insert(session, token, {**own, **where, **users, **limits})
    return form.reply_address(token)


def _insert(session: Session, token: str, values: dict[str, Any]) -> None:
    """Keep it; one that is there already, or comes from another process just now, is as good."""
    made = {"token_sha256": digest_of(token), "created_at": datetime.now(UTC), "uses": 0}
    session.execute(insert(session.connection(), table).values(**values, **made).on_conflict_do_nothing())


def find(session: Session, realm: str, decoded: Decoded) -> Entry | None:
    """The address that was given out, valid or not; None when there is none of this realm."""
    kind = "channel" if isinstance(decoded, ChannelAddress) else "reply"
    ours = sa.and_(table.c.realm == realm, table.c.kind == kind, table.c.token_sha256 == digest_of(decoded.token))
    row = session.execute(sa.select(table).where(ours)).first()
    return None if row is None else _entry(row)


def use(session: Session, entry: Entry, now: datetime) -> bool:
    """Count a use of an address that is valid still; False when it is not, because of another mail at the same time."""
    c = table.c
    valid = sa.and_(
        c.revoked_at.is_(None),
        sa.or_(c.expires_at.is_(None), c.expires_at > now),
        sa.or_(c.max_uses.is_(None), c.uses < c.max_uses),
    )
    counted = session.execute(sa.update(table).where(c.id == entry.id, valid).values(uses=c.uses + 1).returning(c.id))
    return counted.first() is not None


def revoke(session: Session, id: int) -> bool:
    """Make an address worthless from now on; False when it was, or when there is none of this id."""
    c = table.c
    statement = sa.update(table).where(c.id == id, c.revoked_at.is_(None)).values(revoked_at=datetime.now(UTC))
    return session.execute(statement.returning(c.id)).first() is not None


def entries(session: Session, realm: str | None = None, limit: int | None = None) -> Iterator[Entry]:
    """All addresses in the order in which they were made, those of one realm alone, or the first ``limit``."""
    query = sa.select(table).order_by(table.c.id).limit(limit).execution_options(yield_per=500)
    return map(_entry, session.execute(query if realm is None else query.where(table.c.realm == realm)))


def entry_of(session: Session, id: int) -> Entry | None:
    """The address of this id, None when there is none."""
    row = session.execute(sa.select(table).where(table.c.id == id)).first()
    return None if row is None else _entry(row)


def name_of(session: Session, pattern: Pattern, realm: str, address: Address) -> str:
    """What an address is, in words that tell nothing secret: which one by its id, for ``mailproc address list``."""
    decoded = pattern.decode(address)
    entry = find(session, realm, decoded) if decoded else None
    if entry is None:
        return form_of(None)
    return f"{form_of(decoded)}: {entry.id}" if entry.kind == "channel" else form_of(decoded)


def form_of(decoded: Decoded | None) -> str:
    """What an address may be by its form, in words."""
    if decoded is None:
        return "Invalid address"
    return "Address to channel" if isinstance(decoded, ChannelAddress) else "Reply address"


def _entry(row: sa.Row[Any]) -> Entry:
    to = Channel(row.channel, row.topic or "", row.message) if row.channel is not None else Direct(tuple(json.loads(row.users)))
    return Entry(
        id=row.id,
        realm=row.realm,
        kind=row.kind,
        to=to,
        user=row.user_name,
        creator=row.creator,
        sender=row.sender,
        created_at=row.created_at,
        expires_at=row.expires_at,
        max_uses=row.max_uses,
        uses=row.uses,
        revoked_at=row.revoked_at,
    )
