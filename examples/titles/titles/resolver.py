"""Who an address of the club stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from mailproc import Address, Transient
from mailproc.forward import Group, InvalidRecipient
from mailproc.forward.expressions import evaluate, names_in, read_terms
from titles.grammar import OFFICES, Title, read_title
from titles.models import Circle, Holder, Period, Person

_DIRECT = re.compile(r"DIRECTUSER([0-9]{1,9})")

_ALL_OF_A_KIND = {
    "BEST": Holder.title.in_(OFFICES),
    "FU": Holder.title.like("FU__"),
    "EFU": Holder.title.like("EFU__"),
    "BESTFU": or_(Holder.title.in_(OFFICES), Holder.title.like("FU__")),
}


class Titles:
    """Circles, titles and people, joined by ``+`` and ``-``: ``best-form+revy@example.org``. A ``$`` is an S.

    Each term is a circle whose pattern matches, else a title, else ``DIRECTUSER`` and the number of a person.
    """

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """A group for each term that adds somebody; all terms that are wrong are told together."""
        local = address.local.replace("$", "S")
        names = [name for name in names_in(local) if "-" not in name]
        circles = session.scalars(select(Circle)).all()
        people = {name: self._people(name.upper(), circles, session) for name in names}
        wrong = [f"nobody is {name.upper()}" for name, who in people.items() if not who]
        try:
            terms = read_terms(local, names)
        except InvalidRecipient as error:
            wrong += error.reasons
        if wrong:
            raise InvalidRecipient(wrong)
        reached = evaluate(terms, people, people)
        if not reached:
            raise InvalidRecipient(f"nobody is left of {local.upper()}")
        owner = f"postmaster@{address.domain}"
        return [
            Group(name, Address(name, address.domain), tuple(who), is_list=True, owner=owner) for name, who in reached.items()
        ]

    def _people(self, name: str, circles: Sequence[Circle], session: Session) -> list[str]:
        """The addresses that one term stands for; none, where it is no term, or nobody's."""
        matching = [circle for circle in circles if re.fullmatch(circle.pattern, name)]
        if len(matching) > 1:
            raise LookupError(f"{name} is in two circles: {matching[0].name} and {matching[1].name}")
        if matching:
            return [person.email for person in matching[0].people if person.direct_mail and person.email]
        title = read_title(name, self._current(session))
        wanted = select(Person.email).where(Person.direct_mail, Person.email != "").order_by(Person.id)
        if title is not None:
            return list(dict.fromkeys(session.scalars(wanted.join(Holder).where(*_holds(title)))))
        direct = _DIRECT.fullmatch(name)
        return list(session.scalars(wanted.where(Person.id == int(direct[1])))) if direct else []

    def _current(self, session: Session) -> int:
        year: int | None = session.scalar(select(func.max(Period.year)))
        if year is None:
            raise Transient("the titles, which have no period yet")
        return year


def _holds(title: Title) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What a row of a holder is to be like."""
    return Holder.period == title.period, _ALL_OF_A_KIND.get(title.root, Holder.title == title.root)
