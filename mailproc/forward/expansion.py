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
from mailproc.forward.tables import member


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
