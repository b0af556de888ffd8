"""Addresses that reckon with lists: ``board+choir-guests@example.org`` is everybody of both, without the guests."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailproc.forward.resolver import InvalidRecipient
from mailproc.reading import one_line

MAX_TERMS = 50
LONGEST_NAME = 64  # characters; a local part has 64 octets at most (RFC 5321 section 4.5.3.1.1)
NAME = re.compile(r"\w+(?:(?:-+|\.)\w+)*", re.ASCII)

_SIGN = re.compile(r"([+-])")


@dataclass(frozen=True, slots=True)
class Term:
    """A list in an expression; ``adds`` says whether its people are added to those before it, or taken from them."""

    name: str
    adds: bool = True


def names_in(local: str) -> tuple[str, ...]:
    """Every name that may stand in a local part, lower-case: a name may hold a ``-``, so it is any run of the pieces.

    Raises `InvalidRecipient` for more than 50 pieces.
    """
    pieces = _pieces(local)
    return tuple(dict.fromkeys(name for at in range(0, len(pieces), 2) for name, _ in _runs(pieces, at)))


def read_terms(local: str, known: Container[str]) -> tuple[Term, ...]:
    """The terms of a local part, in their order: ``[+-]?name`` joined by ``+`` and ``-``; case does not matter.

    The longest ``known`` name wins, so that ``old-board`` is a list where there is one of this name, and ``old`` without
    ``board`` where not. Raises `InvalidRecipient` with every name that is not known.
    """
    pieces = _pieces(local)
    adds, at = True, 0
    if len(pieces) > 1 and not pieces[0]:
        adds, at = pieces[1] == "+", 2
    terms: list[Term] = []
    while at < len(pieces):
        name, following = _longest(pieces, at, known)
        terms.append(Term(name, adds))
        adds, at = following < len(pieces) and pieces[following - 1] == "+", following
    unknown = list(dict.fromkeys(term.name for term in terms if term.name not in known))
    if (
        len(unknown) == len(terms) and all(unknown) and "+" not in local
    ):  # more likely one name that nobody has than a sum of several
        unknown = [local]
    if unknown:
        raise InvalidRecipient(_no_such(name) for name in unknown)
    return tuple(terms)


def evaluate(terms: Sequence[Term], receiving: Mapping[str, Sequence[str]], everybody: Mapping[str, Sequence[str]]) -> Groups:
    """Whom the terms reach, from left to right, by the name of the list to which each owes it; nobody is there twice.

    ``receiving`` are those of each list who get its mail, ``everybody`` all of them: also who does not get the mail of a list
    is taken away with it. Addresses are compared in lower case.
    """
    reached: dict[str, tuple[str, str]] = {}
    for term in terms:
        for address in receiving[term.name] if term.adds else ():
            reached.setdefault(address.lower(), (term.name, address))
        for address in () if term.adds else everybody[term.name]:
            reached.pop(address.lower(), None)
    groups: Groups = {}
    for name, address in reached.values():
        groups.setdefault(name, []).append(address)
    return groups


Groups = dict[str, list[str]]


def _pieces(local: str) -> list[str]:
    """What stands between the signs, and between two pieces the sign."""
    pieces = _SIGN.split(local.lower(), MAX_TERMS)
    if len(pieces) > 2 * MAX_TERMS:
        raise InvalidRecipient([f"an address has {MAX_TERMS} terms at most"])
    return pieces


def _runs(pieces: Sequence[str], at: int) -> Iterator[tuple[str, int]]:
    """Each name that may begin with this piece, the shortest first, and where the next term would begin."""
    name = pieces[at]
    while len(name) <= LONGEST_NAME:
        if NAME.fullmatch(name):
            yield name, at + 2
        at += 2
        if at >= len(pieces) or pieces[at - 1] == "+":
            return
        name = f"{name}-{pieces[at]}"


def _longest(pieces: Sequence[str], at: int, known: Container[str]) -> tuple[str, int]:
    found = (pieces[at], at + 2)
    for name, following in _runs(pieces, at):
        if name in known:
            found = name, following
    return found


def _no_such(name: str) -> str:
    return f"there is no list {shown(name)}" if name else "a name is missing beside a + or a -"


def shown(name: str) -> str:
    """What somebody wrote as a name, for an error."""
    return one_line(name, 80) or "of this name"
