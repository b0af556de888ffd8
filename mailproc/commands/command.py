"""A command: a function, and how its arguments are made of the words of a line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from mailproc.commands.error import CommandError
from mailproc.commands.kind import Kind, Subjects, kind_of
from mailproc.commands.line import Line
from mailproc.reading import one_line

_SHOWN = 60  # characters of a word of the sender that are shown
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What takes an argument; ``many`` says that it takes all that are left, also none."""

    name: str
    kind: Kind
    optional: bool = False
    many: bool = False

    @property
    def usage(self) -> str:
        """How it is written: ``yes|no``, ``[TITLE]``, ``[TAG ...]``."""
        shape = self.kind.shape or self.name.strip("_").upper().replace("_", "-")
        return f"[{shape} ...]" if self.many else f"[{shape}]" if self.optional else shape

    @property
    def example(self) -> str:
        """An argument that it may take."""
        return self.kind.example or self.name.strip("_").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: ``function`` is called with what it acts on, of the types ``acts_on``, and then with its arguments.

    What it returns is of the type ``begins``, where there is one: the commands that follow act on it. ``stops`` says that a
    failure of it undoes all, ``keeps_case`` that arguments are not lower-cased.
    """

    name: str
    function: Callable[..., object]
    acts_on: tuple[type, ...]
    parameters: tuple[Parameter, ...]
    begins: type | None
    stops: bool
    keeps_case: bool
    example: str

    @property
    def usage(self) -> str:
        """How it is written, such as ``subscribe [NAME]``."""
        return " ".join([self.name, *(parameter.usage for parameter in self.parameters)])

    @property
    def purpose(self) -> str:
        """What it is for: its docstring, as one line."""
        return " ".join((inspect.getdoc(self.function) or "").split())

    @property
    def needs(self) -> Iterator[type]:
        """The types of all that it has to be given, itself or for its arguments."""
        yield from self.acts_on
        for parameter in self.parameters:
            yield from parameter.kind.needs

    def call(self, line: Line, subjects: Subjects) -> object:
        """Carry it out; raises `CommandError` for what the sender did wrong."""
        arguments = self._arguments(line.arguments(keeps_case=self.keeps_case), subjects)
        return self.function(*(subjects[each] for each in self.acts_on), *arguments)

    def _arguments(self, words: Sequence[str], subjects: Subjects) -> list[object]:
        least = sum(not (each.optional or each.many) for each in self.parameters)
        most = len(words) if any(each.many for each in self.parameters) else len(self.parameters)
        if not least <= len(words) <= most:
            raise CommandError(self._written)
        takers = chain(self.parameters, repeat(self.parameters[-1])) if self.parameters else ()
        return [self._value(parameter, word, subjects) for parameter, word in zip(takers, words, strict=False)]

    def _value(self, parameter: Parameter, word: str, subjects: Subjects) -> object:
        try:
            return parameter.kind.read(word, subjects)
        except ValueError:
            wrong = f'It takes {parameter.kind.legal}, and not "{one_line(word, _SHOWN)}".'
            raise CommandError(f"{wrong} {self._written}") from None

    @property
    def _written(self) -> str:
        return f"It is written: {self.usage} (for example: {self.example})."


def make_command(
    function: Callable[..., object],
    known: Collection[type],
    own: Mapping[object, Kind],
    *,
    name: str,
    stops: bool,
    keeps_case: bool,
    example: str,
) -> Command:
    """The command that a function is; ``known`` are the types that commands act on, ``own`` the author's kinds of arguments.

    Raises TypeError, with the function's name, for a parameter that can take no argument.
    """
    try:
        acts_on, taken, returned = signature_of(function, known)
        parameters = tuple(_parameter(each, own) for each in taken)
        begins = _begun(returned, known)
    except TypeError as error:
        raise TypeError(f"command {name}: {error}") from error
    needed = [each.example for each in parameters if not (each.optional or each.many)]
    example = example or " ".join([name, *(f'"{word}"' if " " in word else word for word in needed)])
    return Command(name, function, acts_on, parameters, begins, stops, keeps_case, example)


def signature_of(
    function: Callable[..., object], known: Collection[type]
) -> tuple[tuple[type, ...], list[inspect.Parameter], Any]:
    """The types that a function acts on, by which its parameters begin; its other parameters; and what it returns."""
    signature = inspect.signature(function, eval_str=True)
    parameters = list(signature.parameters.values())
    acts_on: list[type] = []
    while parameters and parameters[0].annotation in known:
        acts_on.append(parameters.pop(0).annotation)
    if odd := [each.name for each in parameters if each.kind not in _POSITIONAL]:
        raise TypeError(f"{odd[0]} is given by its name, and an argument has none")
    return tuple(acts_on), parameters, signature.return_annotation


def _parameter(taken: inspect.Parameter, own: Mapping[object, Kind]) -> Parameter:
    kind = kind_of(taken.annotation, own)
    return Parameter(taken.name, kind, taken.default is not taken.empty, taken.kind is taken.VAR_POSITIONAL)


def _begun(returned: Any, known: Collection[type]) -> type | None:
    if returned in (None, inspect.Signature.empty):
        return None
    if returned in known:
        return returned  # type: ignore[no-any-return]
    raise TypeError(f"it returns {returned!r}, on which no command acts")
