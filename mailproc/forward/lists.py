"""Lists and aliases as they stand in the database: what `mailproc list` makes, shows and changes; see also `members`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.columns import insert
from mailproc.forward.expressions import LONGEST_NAME, NAME, shown
from mailproc.forward.paths import is_address, is_domain, one_address
from mailproc.forward.tables import bounce, list_, member
from mailproc.reading import one_line

KINDS = ("list", "alias")
POSTERS = ("anyone", "members", "owner")
_ROWS = 500  # fetched at once


class ListError(ValueError):
    """What was asked of the lists cannot be: permanent, and the operator's; the text is one line with the fix.

    ``at`` is the place of what is wrong, where several were given.
    """

    def __init__(self, text: str, at: int | None = None) -> None:
        super().__init__(text)
        self.at = at


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
        "owner": str(mailbox(owner)) if owner else "",
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


def _refuse_unfit(name: str, domain: str, owner: str, posters: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ListError(
            f"{one_line(name, 80)!a} cannot be a name: use at most {LONGEST_NAME} of a-z, 0-9, _, and . or - between them"
        )
    if domain and not is_domain(domain):
        raise ListError(f"{one_line(domain, 80)!a} cannot be a domain; write it like lists.example.org")
    if posters == "owner" and not owner:
        raise ListError(f"only the owner may write to {name}, and there is none; give one with --owner")
    if owner and not is_address(str(mailbox(owner))):
        raise ListError(f"the owner {one_line(owner, 80)} cannot stand in a mail's header; use an address in ASCII")


def mailbox(text: str) -> Address:
    """The address that a text is; raises `ListError`."""
    found = one_address(text)
    if found is None:
        raise ListError(f"{one_line(text, 80)!a} is not an address; write it like ann@example.org")
    return found


def _listed(row: sa.Row[Any]) -> Listed:
    return Listed(**row._mapping)
