"""Lists and aliases as they stand in the database: what `mailproc list` makes, shows and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.columns import insert
from mailproc.forward.bounces.dead import forget
from mailproc.forward.expressions import LONGEST_NAME, NAME, shown
from mailproc.forward.paths import is_address, is_domain, one_address
from mailproc.forward.tables import bounce, list_, member
from mailproc.reading import one_line

KINDS = ("list", "alias")
POSTERS = ("anyone", "members", "owner")
_ROWS = 500  # fetched at once


class ListError(ValueError):
    """What was asked of the lists cannot be: permanent, and the operator's; the text is one line with the fix."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list or an alias; ``domain`` "" stands for every domain. The last three are numbers of addresses."""

    id: int
    name: str
    domain: str
    kind: str
    description: str
    owner: str
    posters: str
    strong: bool
    created_at: datetime
    closed_at: datetime | None
    members: int = 0
    receiving: int = 0
    dead: int = 0

    def __str__(self) -> str:
        return f"{self.name}@{self.domain}" if self.domain else self.name


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


def create(
    session: Session,
    name: str,
    domain: str = "",
    *,
    kind: str = "list",
    description: str = "",
    owner: str = "",
    posters: str = "anyone",
    strong: bool = False,
    now: datetime,
) -> None:
    """Make a list or an alias without members; raises `ListError` for a name that is taken or cannot be one."""
    name, domain = name.lower(), domain.lower()
    _refuse_unfit(name, domain, owner, posters)
    row = {
        "name": name,
        "domain": domain,
        "kind": kind,
        "description": one_line(description, 200),
        "owner": str(_mailbox(owner)) if owner else "",
        "posters": posters,
        "strong": strong,
        "created_at": now,
    }
    new = insert(session.connection(), list_).values(row).on_conflict_do_nothing().returning(list_.c.id)
    if session.execute(new).first() is None:
        raise ListError(f"there is a list {name}{'@' * bool(domain)}{domain} already; type: mailproc list show")


def find(session: Session, name: str) -> Listed:
    """The list called ``NAME`` or ``NAME@DOMAIN``; raises `ListError` where there is none, or more than one."""
    found = matching(session, name)
    if not found:
        raise ListError(f"there is no list {shown(name)}; type: mailproc list show")
    if len(found) > 1:
        raise ListError(f"there are several: {', '.join(map(str, found))}; write one of them whole")
    return found[0]


def matching(session: Session, name: str) -> list[Listed]:
    """The lists that ``NAME`` or ``NAME@DOMAIN`` may mean; a name alone is first of all the list of every domain."""
    if not name.isprintable():  # no database can hold it
        return []
    local, at, domain = name.lower().partition("@")
    where = [list_.c.name == local, *([list_.c.domain == domain] if at else [])]
    found = [_listed(row) for row in session.execute(sa.select(list_).where(*where).order_by(list_.c.domain))]
    return found[:1] if found and not found[0].domain else found


def domains(session: Session) -> list[str]:
    """The domains that have a list of their own, and "" where there is one for every domain."""
    return [row.domain for row in session.execute(sa.select(list_.c.domain).distinct().order_by(list_.c.domain))]


def named(session: Session, names: Iterable[str], domain: str) -> dict[str, Listed]:
    """The lists of these names, lower-case, in a domain; one for the domain goes before one for every domain."""
    if not domain.isprintable():
        return {}
    wanted = sa.select(list_).where(list_.c.name.in_(tuple(names)), list_.c.domain.in_((domain, "")))
    return {row.name: _listed(row) for row in session.execute(wanted.order_by(list_.c.domain))}


def every(session: Session, limit: int | None = None) -> Iterator[Listed]:
    """All lists in order of their names, or the first ``limit``, with the numbers of their members."""
    counted = (
        sa.select(
            list_,
            sa.func.count(member.c.folded).label("members"),
            sa.func.coalesce(sa.func.sum(sa.case((member.c.receives, 1), else_=0)), 0).label("receiving"),
            sa.func.count(bounce.c.address).label("dead"),
        )
        .outerjoin_from(list_, member)
        .outerjoin(bounce, bounce.c.address == member.c.folded)
        .group_by(list_.c.id)
        .order_by(list_.c.name, list_.c.domain)
        .limit(limit)
        .execution_options(yield_per=_ROWS)
    )
    return map(_listed, session.execute(counted))


def set_closed(session: Session, listed: Listed, at: datetime | None) -> None:
    """Close a list, to which nobody can write then, or with None open it again."""
    session.execute(sa.update(list_).where(list_.c.id == listed.id).values(closed_at=at))


def delete(session: Session, listed: Listed) -> None:
    """Remove a list with its members."""
    session.execute(sa.delete(member).where(member.c.list_id == listed.id))
    session.execute(sa.delete(list_).where(list_.c.id == listed.id))


def add(session: Session, listed: Listed, address: str, *, now: datetime) -> bool:
    """Put an address, or ``@`` and the name of another list, into a list; answers whether it was not there before.

    Raises `ListError` for what is no address, and for a list that there is not.
    """
    given = _nested(session, listed, address) if address.startswith("@") else str(_mailbox(address))
    if given.lower() in (str(listed), f"@{listed.name}"):
        raise ListError(f"{given} is the list itself, and cannot be in it; leave it out")
    row = {"list_id": listed.id, "folded": given.lower(), "address": given, "receives": True, "added_at": now}
    made = insert(session.connection(), member).values(row).on_conflict_do_nothing().returning(member.c.folded)
    return session.execute(made).first() is not None


def remove(session: Session, listed: Listed, address: str) -> None:
    """Take an address out of a list; raises `ListError` where it is not in it."""
    if not address.isprintable():
        raise _not_in(listed, address)
    gone = sa.delete(member).where(member.c.list_id == listed.id, member.c.folded == address.lower())
    if session.execute(gone.returning(member.c.folded)).first() is None:
        raise _not_in(listed, address)


def set_receives(session: Session, listed: Listed, address: str, receives: bool) -> None:
    """Let a member get mail again, and forget what came back from it, or no more; raises `ListError` for no member."""
    if not address.isprintable():
        raise _not_in(listed, address)
    changed = sa.update(member).where(member.c.list_id == listed.id, member.c.folded == address.lower())
    if session.execute(changed.values(receives=receives).returning(member.c.folded)).first() is None:
        raise _not_in(listed, address)
    if receives:
        forget(session, address)


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


def _not_in(listed: Listed, address: str) -> ListError:
    return ListError(f"{one_line(address, 80) or 'this address'} is not in {listed}; type: mailproc list show {listed}")


def _refuse_unfit(name: str, domain: str, owner: str, posters: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ListError(
            f"{one_line(name, 80)!a} cannot be a name: use at most {LONGEST_NAME} of a-z, 0-9, _, and . or - between them"
        )
    if domain and not is_domain(domain):
        raise ListError(f"{one_line(domain, 80)!a} cannot be a domain; write it like lists.example.org")
    if posters == "owner" and not owner:
        raise ListError(f"only the owner may write to {name}, and there is none; give one with --owner")
    if owner and not is_address(str(_mailbox(owner))):
        raise ListError(f"the owner {one_line(owner, 80)} cannot stand in a mail's header; use an address in ASCII")


def _mailbox(text: str) -> Address:
    found = one_address(text)
    if found is None:
        raise ListError(f"{one_line(text, 80)!a} is not an address; write it like ann@example.org")
    return found


def _nested(session: Session, listed: Listed, text: str) -> str:
    """``@name`` of a list that mail to ``listed`` can reach: of its domain, or of every domain."""
    name = text[1:].lower()
    there = sa.select(list_.c.id).where(list_.c.name == name)
    if listed.domain:
        there = there.where(list_.c.domain.in_((listed.domain, "")))
    if not NAME.fullmatch(name) or session.execute(there).first() is None:
        where = f" in {listed.domain}" if listed.domain else ""
        raise ListError(f"there is no list {shown(name)}{where}, whose people could be in it; make it first")
    return f"@{name}"


def _listed(row: sa.Row[Any]) -> Listed:
    return Listed(**row._mapping)


def _member(row: sa.Row[Any]) -> Member:
    dead = None if row.status is None else one_line(f"{row.status} {row.text}".strip(), 200)
    return Member(row.address, row.receives, row.added_at, dead, row.bounces or 0, row.last_seen)
