"""Who stands in a list: what `mailproc list` puts in, takes out, and shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc.columns import insert
from mailproc.forward.bounces.dead import forget
from mailproc.forward.expressions import NAME, shown
from mailproc.forward.lists import Listed, ListError, mailbox
from mailproc.forward.tables import bounce, list_, member
from mailproc.reading import one_line

_ROWS = 500  # at once


@dataclass(frozen=True, slots=True)
class Member:
    """An address in a list, or ``@`` and the name of another list whose people are in it too.

    ``dead`` is what the last bounce of mail to it said, None where none came back, ``bounces`` how many did.
    """

    address: str
    receives: bool
    added_at: datetime | None = None
    dead: str | None = None
    bounces: int = 0
    last_bounce: datetime | None = None


def read_member(text: str) -> str:
    """An address, or ``@`` and the name of a list in lower case, as it stands in a list; raises `ListError` for another text.

    It asks nothing of the database.
    """
    if not text.startswith("@"):
        return str(mailbox(text))
    if not NAME.fullmatch(text[1:].lower()):
        raise ListError(f"there is no list {shown(text[1:].lower())}, whose people could be in it; make it first")
    return text.lower()


def add(session: Session, listed: Listed, given: Sequence[str], *, now: datetime) -> int:
    """Put addresses, and lists as ``@name``, into a list, all of them or none; answers how many were not there before.

    They are as `read_member` answers them. Raises `ListError` for a list that there is not, and for the list itself.
    """
    _refuse_unfit(session, listed, given)
    spelt: dict[str, str] = {}
    for each in given:
        spelt.setdefault(each.lower(), each)
    if not spelt:
        return 0
    usual = {"list_id": listed.id, "receives": True, "added_at": now}
    rows = [{**usual, "folded": folded, "address": address} for folded, address in spelt.items()]
    new = insert(session.connection(), member).on_conflict_do_nothing().returning(member.c.folded)
    return len(session.execute(new, rows).all())  # SQLAlchemy makes statements of many rows of it


def remove(session: Session, listed: Listed, given: Sequence[str]) -> None:
    """Take addresses out of a list; raises `ListError` where one is not in it."""
    for these in _there(session, listed, given):
        session.execute(sa.delete(member).where(member.c.list_id == listed.id, member.c.folded.in_(these)))


def set_receives(session: Session, listed: Listed, given: Sequence[str], receives: bool) -> None:
    """Let members get mail again, and forget what came back from them, or no more; raises `ListError` for who is none."""
    for these in _there(session, listed, given):
        changed = sa.update(member).where(member.c.list_id == listed.id, member.c.folded.in_(these))
        session.execute(changed.values(receives=receives))
        if receives:
            forget(session, these)


def members(session: Session, listed: Listed, limit: int | None = None) -> Iterator[Member]:
    """Who stands in a list, in order of their addresses, or the first ``limit``."""
    query = (
        sa.select(member, bounce.c.status, bounce.c.text, bounce.c.count.label("bounces"), bounce.c.last_seen)
        .outerjoin(bounce, bounce.c.address == member.c.folded)
        .where(member.c.list_id == listed.id)
        .order_by(member.c.folded)
        .limit(limit)
        .execution_options(yield_per=_ROWS)
    )
    return map(_member, session.execute(query))


def _refuse_unfit(session: Session, listed: Listed, given: Sequence[str]) -> None:
    nested = {each[1:] for each in given if each.startswith("@")}
    there = sa.select(list_.c.name)
    if listed.domain:  # mail to the list reaches those of its domain, and of every domain
        there = there.where(list_.c.domain.in_((listed.domain, "")))
    known = set(session.scalars(there)) if nested else set()
    itself = (str(listed), f"@{listed.name}")
    for at, each in enumerate(given):
        if each.startswith("@") and each[1:] not in known:
            where = f" in {listed.domain}" if listed.domain else ""
            raise ListError(f"there is no list {shown(each[1:])}{where}, whose people could be in it; make it first", at)
        if each.lower() in itself:
            raise ListError(f"{each} is the list itself, and cannot be in it; leave it out", at)


def _there(session: Session, listed: Listed, given: Sequence[str]) -> list[list[str]]:
    """The addresses in lower case, each once, in batches; raises `ListError` for the first of them that is not in the list."""
    folded = list(dict.fromkeys(each.lower() for each in given if each.isprintable()))  # no database holds another
    batches = [folded[at : at + _ROWS] for at in range(0, len(folded), _ROWS)]
    found: set[str] = set()
    for these in batches:
        there = sa.select(member.c.folded).where(member.c.list_id == listed.id, member.c.folded.in_(these))
        found.update(session.scalars(there))
    for at, each in enumerate(given):
        if each.lower() not in found:
            name = one_line(each, 80) or "this address"
            raise ListError(f"{name} is not in {listed}; type: mailproc list show {listed}", at)
    return batches


def _member(row: sa.Row[Any]) -> Member:
    said = "" if row.status is None else row.text if row.status in row.text else f"{row.status} {row.text}"
    dead = one_line(said, 200) or row.status
    return Member(row.address, row.receives, row.added_at, dead, row.bounces or 0, row.last_seen)
