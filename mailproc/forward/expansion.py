"""Whom the lists and aliases of our database stand for, and sums and differences of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import Address
from mailproc.forward.expressions import Term, evaluate, names_in, read_terms
from mailproc.forward.lists import Listed, named
from mailproc.forward.resolver import Group, InvalidRecipient
from mailproc.forward.tables import list_, member

_NESTED = member.c.folded.like("@%")


@dataclass(frozen=True, slots=True)
class Lists:
    """The resolver of the lists in the database; an address is a list, an alias, or an expression of several."""

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """One group for each list that adds somebody, in the order in which they stand in the address.

        Raises `InvalidRecipient` with every name that there is not, that is closed or that nobody is in, and where nobody is
        left over.
        """
        known = named(session, names_in(address.local), address.domain)
        terms = read_terms(address.local, known)
        people = {term.name: people_of(session, known[term.name], address.domain) for term in _once(terms)}
        _refuse_unfit([known[term.name] for term in _once(terms)], people)
        receiving = {name: [spelt for spelt, receives in found.values() if receives] for name, found in people.items()}
        groups = evaluate(terms, receiving, {name: list(found) for name, found in people.items()})
        if not groups:
            raise InvalidRecipient([f"{address.local.lower()} reaches nobody"])
        return [_group(known[name], address.domain, reached, people[name]) for name, reached in groups.items()]

    def check(self, address: Address, session: Session) -> None:
        """Raise what `resolve` would raise, without reading all members of lists where one of them is enough.

        A client at a door can ask this as often as it likes.
        """
        known = named(session, names_in(address.local), address.domain)
        terms = read_terms(address.local, known)
        wanted = [known[term.name] for term in _once(terms)]
        sound = _with_members(session, wanted) == len(wanted) and all(each.closed_at is None for each in wanted)
        if not sound or not _reaches_one(session, terms, known):
            self.resolve(address, session)


People = Mapping[str, tuple[str, bool]]  # the address as it was given and whether it gets mail, by the address in lower case


def people_of(session: Session, listed: Listed, domain: str) -> People:
    """Who is in a list, in order of their addresses; those of the lists in it are in it too, however these nest.

    Of one who is in several of them the nearest tells whether mail is wanted. A list that is closed or paused adds nobody.
    """
    found: dict[str, tuple[str, bool]] = {}
    seen: set[int] = set()
    near = {listed.id}
    while near:
        seen |= near
        nested: list[str] = []
        for row in session.execute(sa.select(member).where(member.c.list_id.in_(near))):
            if not row.folded.startswith("@"):
                found.setdefault(row.folded, (row.address, row.receives))
            elif row.receives:
                nested.append(row.folded[1:])
        near = {each.id for each in named(session, nested, domain).values() if each.closed_at is None} - seen
    return dict(sorted(found.items()))


def _with_members(session: Session, lists: Sequence[Listed]) -> int:
    """How many of the lists have an address in them, those in their lists left out."""
    within = member.c.list_id == list_.c.id
    counted = sa.select(sa.func.count()).where(list_.c.id.in_([each.id for each in lists]), sa.exists().where(within, ~_NESTED))
    return session.scalar(counted.select_from(list_)) or 0


def _reaches_one(session: Session, terms: Sequence[Term], known: Mapping[str, Listed]) -> bool:
    """Whether somebody of the last list that is added is in none taken away after it, as far as that is seen at once."""
    last = next((at for at in reversed(range(len(terms))) if terms[at].adds), None)
    if last is None:
        return False
    gone = sa.alias(member)
    away = gone.c.list_id.in_([known[term.name].id for term in terms[last + 1 :]])
    if session.scalar(sa.select(sa.exists().where(away, gone.c.folded.like("@%")))):
        return False  # whom it takes away is not seen at once
    there = sa.select(member.c.folded).where(member.c.list_id == known[terms[last].name].id, member.c.receives, ~_NESTED)
    left = there.where(~sa.exists().where(away, gone.c.folded == member.c.folded))
    return session.execute(left.limit(1)).first() is not None


def _once(terms: Sequence[Term]) -> list[Term]:
    return list({term.name: term for term in terms}.values())


def _refuse_unfit(lists: Sequence[Listed], people: Mapping[str, People]) -> None:
    closed = [f"{each.name} is closed" for each in lists if each.closed_at is not None]
    empty = [f"{each.name} has no members" for each in lists if each.closed_at is None and not people[each.name]]
    if closed or empty:
        raise InvalidRecipient([*closed, *empty])


def _group(listed: Listed, domain: str, recipients: Sequence[str], people: People) -> Group:
    owner = [listed.owner.lower()] if listed.owner else []
    posters = {"anyone": None, "owner": frozenset(owner), "members": frozenset((*owner, *people))}
    return Group(
        name=listed.name,
        address=Address(listed.name, domain),
        recipients=tuple(sorted(recipients, key=str.lower)),
        description=listed.description,
        is_list=listed.kind == "list",
        owner=listed.owner,
        posters=posters[listed.posters],
        strong=listed.strong,
    )
