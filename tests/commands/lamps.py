"""Lamps that are switched by mail: a small set of commands with one of each kind of argument."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NewType

from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from mailproc import Transient
from mailproc.commands import CommandError, Commands


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {str: Text}  # noqa: RUF012 - as SQLAlchemy wants it


class Lamp(Base):
    """A lamp."""

    __tablename__ = "lamps_lamp"

    name: Mapped[str] = mapped_column(primary_key=True)
    on: Mapped[bool] = mapped_column(default=False)
    colour: Mapped[str] = mapped_column(default="white")
    label: Mapped[str] = mapped_column(default="")


@dataclass
class House:
    """Where the lamps are; ``calls`` are those of the commands, in their order."""

    session: Session
    owner: str = "ann"
    calls: list[tuple[object, ...]] = field(default_factory=list)


class Colour(enum.StrEnum):
    """What a lamp can be."""

    WHITE = "white"
    DARK_RED = "dark-red"


class Size(enum.Enum):
    """An enumeration whose values are no texts."""

    SMALL = 1
    LARGE = 2


Owner = NewType("Owner", str)
Day = NewType("Day", date)

commands = Commands("lamps", House, Lamp)


@commands.argument("NAME|me", legal="a name or me", example="me")
def owner(house: House, word: str) -> Owner:
    """Somebody of the house."""
    if word not in ("me", "ann", "bob"):
        raise CommandError(f"{word} does not live here.")
    return Owner(house.owner if word == "me" else word)


@commands.argument("DATE", legal="a date such as 2026-12-24", example="2026-12-24")
def day(word: str) -> Day:
    """A day."""
    return Day(date.fromisoformat(word))


@commands.command()
def lamp(house: House, name: str) -> Lamp:
    """Say which lamp the following commands are for."""
    house.calls.append(("lamp", name))
    found = house.session.get(Lamp, name)
    if found is None:
        raise CommandError(f"There is no lamp {name}.")
    return found


@commands.command()
def switch(house: House, lamp: Lamp, on: bool) -> None:
    """Switch the lamp
    on or off."""
    house.calls.append(("switch", lamp.name, on))
    lamp.on = on


@commands.command()
def colour(lamp: Lamp, colour: Colour) -> None:
    """Give the lamp a colour, half of which is given before it fails for dark red."""
    lamp.colour = colour.value
    lamp.label = "painted"
    if colour is Colour.DARK_RED:
        raise CommandError("There is no red paint.")


@commands.command(keeps_case=True, example='label "My Lamp"')
def label(lamp: Lamp, text: str) -> None:
    """Write on the lamp."""
    lamp.label = text


@commands.command(stops=True)
def smash(house: House, lamp: Lamp, times: int = 1) -> None:
    """Break the lamp."""
    house.calls.append(("smash", times))
    if times > 3:
        raise CommandError("It does not break.")


@commands.command()
def play(house: House, *tunes: str) -> None:
    """Play tunes."""
    house.calls.append(("play", *tunes))


@commands.command()
def give(house: House, lamp: Lamp, to: Owner | Literal["nobody", "all"], size: Size, on: Day | None = None) -> None:
    """Give the lamp away."""
    house.calls.append(("give", to, size, on))


@commands.command(name="burn-down")
def burn(house: House, how: Literal["slowly", "at-once", "later", "stop"]) -> None:
    """Do what goes wrong."""
    house.calls.append(("burn", how))
    if how == "later":
        raise Transient("the fire")
    if how == "stop":
        raise CommandError("Stop it.", stop=True)
    raise ZeroDivisionError(how)
