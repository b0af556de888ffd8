"""A set of commands: made by its author, read from a mail, carried out, and explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mailproc import Rejected, Trust
from mailproc.commands.command import Command, make_command, signature_of
from mailproc.commands.explanation import explain
from mailproc.commands.kind import Kind, Subjects
from mailproc.commands.line import DONE, HELP, Asked, read_lines
from mailproc.commands.run import Run, carry_out

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc import Delivery

_Function = TypeVar("_Function", bound=Callable[..., object])

_UNPROVEN = (
    "Nothing proves that your mail is from you: it is not signed with a key that is registered for you, or not all of it is, "
    "and no domain that is trusted here answers for it. What it asks for is carried out only where that is proven: sign the "
    "whole text with your OpenPGP key, and have the administrator of this service register it; or write from a domain whose "
    "DKIM signature is trusted here. Nothing in your mail was carried out."
)


class Commands:
    """The commands of a handler, ``name`` of what they are for; ``acts_on`` are the types that they act on.

    A command takes objects of these types as its first parameters, and its arguments behind them.
    """

    def __init__(self, name: str, *acts_on: type) -> None:
        self.name = name
        self._acts_on = acts_on
        self._commands: dict[str, Command] = {}
        self._kinds: dict[object, Kind] = {}

    def command(
        self, *, name: str = "", stops: bool = False, keeps_case: bool = False, example: str = ""
    ) -> Callable[[_Function], _Function]:
        """Make a function a command of its name, or of another ``name``; its docstring is its help.

        ``stops``: a failure of it undoes all that the mail has done. ``keeps_case``: its arguments are not lower-cased.
        ``example`` is a whole line, where one that is made will not do.
        Raises TypeError for a parameter of which no argument can be made, ValueError for a name that cannot be one.
        """

        def make(function: _Function) -> _Function:
            word = name or function.__name__.strip("_").replace("_", "-")
            if word != word.lower() or word.endswith(":") or len(word.split()) != 1 or word in {DONE, HELP, *self._commands}:
                raise ValueError(f"no command can have the name {word!r}: it is taken, or no lower-case word")
            self._commands[word] = make_command(
                function,
                self._acts_on,
                self._kinds,
                name=word,
                stops=stops,
                keeps_case=keeps_case,
                example=example,
            )
            return function

        return make

    def argument(self, shape: str, *, legal: str = "", example: str) -> Callable[[_Function], _Function]:
        """Make a function the reader of arguments of the type that it returns.

        It takes what commands act on, as a command does, and then the word; it raises `CommandError` with a text of its own, or
        ValueError for a word that is not ``legal``. ``shape`` is how usage lines show it.
        """

        def make(function: _Function) -> _Function:
            acts_on, words, made = signature_of(function, self._acts_on)
            if len(words) != 1:
                raise TypeError(f"{function.__name__} must take one word behind what it acts on")

            def read(word: str, subjects: Subjects) -> object:
                return function(*(subjects[each] for each in acts_on), word)

            self._kinds[made] = Kind(shape, legal or shape, example, read, needs=acts_on)
            return function

        return make

    def read(self, text: str) -> Asked:
        """What a text asks for, whoever has written it."""
        return read_lines(text, {HELP, *self._commands})

    def asked(self, delivery: Delivery, *, proven: bool = False) -> Asked:
        """What a mail asks for; of the text that is proven where the mail is, and of none that was made of HTML.

        Raises `Rejected` for commands in a mail that is not strong (`Trust.STRONG`), but for help, which needs no proof; and
        for any mail that is not, where it has to be ``proven`` even without commands.
        """
        message = delivery.message
        asked = Asked((), message.text) if message.text_from_html else self.read(message.text)
        if (proven or asked.needs_proof) and delivery.sender.trust < Trust.STRONG:
            raise Rejected(_UNPROVEN, failing_commands=[line.text for line in asked.lines])
        return asked

    def run(self, asked: Asked, session: Session, *acts_on: object) -> Run:
        """Carry out what is asked for, in its order; ``acts_on`` is what the commands act on.

        Each has a savepoint of its own: a command that fails leaves nothing behind, and the others stand, unless it stops all.
        What is no `CommandError` goes through: it is a bug, or the database's.
        """
        return carry_out(asked.lines, self._commands, session, self._subjects(acts_on), self.help)

    def help(self) -> str:
        """The text of a mail that explains the commands; no line of it is one."""
        return explain(self._commands.values())

    def _subjects(self, given: tuple[object, ...]) -> Subjects:
        subjects = {kind: each for each in given for kind in self._acts_on if isinstance(each, kind)}
        if len(subjects) < len(given):
            raise TypeError(f"the commands of {self.name} act on one of each of {', '.join(map(str, self._acts_on))}")
        return subjects
