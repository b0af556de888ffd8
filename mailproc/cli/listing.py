"""Listings: a table that can be read on a terminal, or JSON Lines for a program. Rows are written as they come."""

from __future__ import annotations

import itertools
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

Row = Mapping[str, object]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_LOOKED_AT = 200  # rows that are looked at for the widths, so that memory is flat however long the listing is


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the key of its values, and the most that it may take; the last one takes what is left."""

    key: str
    width: int = 24


def format_option(command: _Command) -> _Command:
    """Give a command ``--format text|jsonl``."""
    formats = click.Choice(["text", "jsonl"])
    return click.option("--format", "form", type=formats, default="text", show_default=True, help="A table, or JSON Lines.")(
        command
    )


def listing_options(command: _Command) -> _Command:
    """Give a command ``--format`` and ``--limit``."""
    limit = click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="At most so many; all unless given.")
    return format_option(limit(command))


def write(rows: Iterable[Row], columns: Sequence[Column], form: str) -> None:
    """Write the rows; as text only ``columns`` of them, as JSON Lines all."""
    if form == "jsonl":
        for row in rows:
            print(_dumped(row))
        return
    every = iter(rows)
    first = list(itertools.islice(every, _LOOKED_AT))
    if not first:
        return
    titles = {column.key: column.key.replace("_", " ").upper() for column in columns}
    widths = [max(_width(cell) for cell in _cells(column, [titles, *first])) for column in columns]
    for row in itertools.chain([titles], first, every):
        print(_line([_shown(row.get(column.key)) for column in columns], columns, widths))


def facts(row: Row, form: str) -> None:
    """Write one row: a line for each of its values, or one object."""
    if form == "jsonl":
        print(_dumped(row))
        return
    shown = {safe(key.replace("_", " ")): _shown(value) for key, value in row.items()}
    widest = max(map(_width, shown))
    for key, value in shown.items():
        print(f"{_padded(key, widest)}  {value}")


def done(text: str) -> None:
    """Say that something was done, if there is a text, to a person: a script hears nothing when all is well."""
    if text and sys.stdout.isatty():
        print(safe(text))


def safe(text: str) -> str:
    """One line that can be shown on a terminal, whatever is in it."""
    from mailproc.reading import one_line  # not for --help

    return one_line(text, 2000)


def _cells(column: Column, rows: Iterable[Row]) -> Iterable[str]:
    return (_shown(row.get(column.key)) for row in rows)


def _shown(value: object) -> str:
    match value:
        case None | () | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case list() | tuple():
            return " ".join(map(_shown, value))
    return safe(str(value)) or "-"


def _dumped(row: Row) -> str:
    import json  # not for --help, and not for a run

    return json.dumps(row, default=_plain)


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    *fixed, last = zip(cells, columns, widths, strict=True)
    start = "".join(
        _padded(_cut(cell, min(column.width, width)), min(column.width, width)) + "  " for cell, column, width in fixed
    )
    import shutil  # not for --help, and not for a run

    room = shutil.get_terminal_size().columns - _width(start) if sys.stdout.isatty() else len(last[0]) * 2
    return (start + _cut(last[0], max(room, 8))).rstrip()


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _cut(cell: str, width: int) -> str:
    if _width(cell) <= width:
        return cell
    room = width - 3
    for at, letter in enumerate(cell):
        room -= _width(letter)
        if room < 0:
            return cell[:at] + "..."
    return cell


def _width(cell: str) -> int:
    """The columns of a terminal that a text takes."""
    if cell.isascii():
        return len(cell)
    marks = sum(unicodedata.combining(letter) != 0 for letter in cell)
    return len(cell) - marks + sum(unicodedata.east_asian_width(letter) in "WF" for letter in cell)
