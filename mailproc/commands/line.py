"""The command lines of a text: those that begin with a blank or a tab."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mailproc.commands.error import CommandError

DONE = "done"
HELP = "help"
LONGEST = 1000  # characters of a command line; nobody types a longer one

_BLANKS = (" ", "\t")
_OPENING, _CLOSING = '"\u201c\u201d\u201e', '"\u201c\u201d'  # also those that programs put in place of the plain one
_ARGUMENT = re.compile(rf"[{_OPENING}]([^{_OPENING}]*)[{_CLOSING}](?!\S)|(\S+)")


@dataclass(frozen=True, slots=True)
class Line:
    """A command line: ``name`` is its first word, lower-cased and without one colon at its end; ``text`` is all of it."""

    name: str
    text: str

    def arguments(self, *, keeps_case: bool = False) -> tuple[str, ...]:
        """What follows the name, split at blanks and lower-cased unless told otherwise; a text in quotation marks is one.

        Raises `CommandError` for a line that is too long, and for a quotation mark that is not closed on it.
        """
        if len(self.text) > LONGEST:
            raise CommandError(f"The line is longer than {LONGEST} characters.")
        said = self.text if keeps_case else self.text.lower()
        return tuple(map(_argument, _ARGUMENT.finditer("".join(said.split(None, 1)[1:]))))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a text asks for: its command ``lines`` in their order, and the ``text`` without them."""

    lines: tuple[Line, ...]
    text: str

    @property
    def needs_proof(self) -> bool:
        """Whether it asks for more than help."""
        return any(line.name != HELP for line in self.lines)


def read_lines(text: str, known: Collection[str]) -> Asked:
    """The lines of ``text`` that name a known command, up to a line ``done``; every other line is text."""
    lines: list[Line] = []
    kept: list[str] = []
    rows = iter(text.split("\n"))
    for row in rows:
        line = _line(row)
        if line is not None and line.text.lower().removesuffix(":") == DONE:
            kept += rows  # which ends the loop
        elif line is not None and line.name in known:
            lines.append(line)
        else:
            kept.append(row)
    return Asked(tuple(lines), "\n".join(kept))


def disarmed(text: str) -> str:
    """``text`` with a ``|`` before every line that could be a command, for a mail to others.

    Some programs repeat a mail in the answer to it without a mark before its lines: what others have typed must not be
    carried out in the name of who answers.
    """
    return "\n".join(f"|{row}" if row.startswith(_BLANKS) else row for row in text.split("\n"))


def _line(row: str) -> Line | None:
    text = row.strip()
    if not text or not row.startswith(_BLANKS):
        return None
    return Line(text.split(None, 1)[0].lower().removesuffix(":"), text)


def _argument(found: re.Match[str]) -> str:
    quoted, plain = found.groups()
    if quoted is not None:
        return str(quoted)
    if plain[0] in _OPENING:
        raise CommandError("A quotation mark is not closed, or a word follows it without a blank; a command is one line.")
    return str(plain)
