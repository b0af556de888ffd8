"""What an argument may be, from the type of the parameter that takes it."""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Subjects: TypeAlias = Mapping[type, object]  # what the commands act on, by its type

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")  # it fits into an INTEGER of any database


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of arguments.

    ``shape``    how it is written in a usage line, such as ``yes|no``; "" where the parameter's name says it
    ``legal``    the same in words, for an error
    ``example``  a word that is one
    ``read``     the value of a word; raises ValueError for one that is none, CommandError where it has a text of its own
    ``fixed``    whether it takes no words but those that its shape lists
    ``needs``    the types of what it has to be given beside the word
    """

    shape: str
    legal: str
    example: str
    read: Callable[[str, Subjects], object]
    fixed: bool = False
    needs: tuple[type, ...] = ()


def kind_of(annotation: Any, own: Mapping[object, Kind]) -> Kind:
    """The kind of a parameter; ``own`` are those that the author has made.

    Raises TypeError for an annotation that is none of: str, int, bool, an Enum, a Literal of texts, an own one, or a union.
    """
    if annotation in own:
        return own[annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _either([kind_of(each, own) for each in typing.get_args(annotation) if each is not types.NoneType])
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if typing.get_origin(annotation) is typing.Literal:
        words = typing.get_args(annotation)
        if all(isinstance(word, str) for word in words):
            return _choice({word: word for word in words})
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return _choice({_word_of(member): member for member in annotation})
    raise TypeError(f"no argument of a command can be {annotation!r}")


def listed(words: Sequence[str]) -> str:
    """``one, two or three``."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _text(word: str, subjects: Subjects) -> str:
    return word


def _number(word: str, subjects: Subjects) -> int:
    if not _NUMBER.fullmatch(word):
        raise ValueError(word)
    return int(word)


def _word_of(member: enum.Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name.lower()


def _choice(choices: Mapping[str, object]) -> Kind:
    folded = {word.casefold(): value for word, value in choices.items()}

    def read(word: str, subjects: Subjects) -> object:
        if word.casefold() not in folded:
            raise ValueError(word)
        return folded[word.casefold()]

    return Kind("|".join(choices), listed(list(choices)), next(iter(choices)), read, fixed=True)


def _either(kinds: Sequence[Kind]) -> Kind:
    """What one of several kinds takes; a fixed word is looked for before what could take any word."""
    tried = sorted(kinds, key=lambda kind: not kind.fixed)

    def read(word: str, subjects: Subjects) -> object:
        for kind in tried:
            try:
                return kind.read(word, subjects)
            except ValueError:
                continue
        raise ValueError(word)

    if len(kinds) == 1:
        return kinds[0]
    shape = "|".join(kind.shape or "TEXT" for kind in kinds)
    needs = tuple(each for kind in kinds for each in kind.needs)
    return Kind(shape, listed([kind.legal for kind in kinds]), kinds[0].example, read, needs=needs)


_SIMPLE: Mapping[object, Kind] = {
    str: Kind("", "a text", "", _text),
    int: Kind("NUMBER", "a number", "7", _number),
    bool: _choice({"yes": True, "no": False}),
}
