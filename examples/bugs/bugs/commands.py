"""The commands of the tracker."""

from __future__ import annotations

import enum
from typing import Literal

from bugs.desk import Desk, checked_title
from bugs.models import Bug, Person
from mailproc.commands import CommandError, Commands

commands = Commands("bugs", Desk, Bug)


class Status(enum.Enum):
    """How far the work on a bug is."""

    NEW = "new"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in-progress"
    FIXED = "fixed"
    WONT_FIX = "wont-fix"


class Importance(enum.Enum):
    """How bad a bug is."""

    UNDECIDED = "undecided"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@commands.argument("NAME|me", legal="a name, an address or me", example="me")
def person(desk: Desk, word: str) -> Person:
    """Somebody who has written to the tracker."""
    return desk.person(word)


@commands.command(stops=True)
def bug(desk: Desk, which: int | Literal["new"]) -> Bug:
    """Say which bug the following commands are for; with "new" it is opened, with the subject and the text of the mail."""
    return desk.open() if which == "new" else desk.find(int(which))


@commands.command(keeps_case=True, example='summary "The door squeaks"')
def summary(desk: Desk, bug: Bug, title: str) -> None:
    """Give the bug another title."""
    bug.title = checked_title(title)
    desk.note(bug, f"summary: {bug.title}")


@commands.command(stops=True)
def private(desk: Desk, bug: Bug, yes: bool) -> None:
    """Hide the bug from all but its subscribers, who has reported it and who works on it, or show it again."""
    if not desk.runs(bug):
        raise CommandError("Only who has reported a bug or works on it may say who sees it.")
    bug.private = yes
    desk.note(bug, f"private: {'yes' if yes else 'no'}")


@commands.command()
def status(desk: Desk, bug: Bug, value: Status) -> None:
    """Say how far the work on the bug is."""
    bug.status = value.value
    desk.note(bug, f"status: {value.value}")


@commands.command()
def importance(desk: Desk, bug: Bug, value: Importance) -> None:
    """Say how bad the bug is."""
    bug.importance = value.value
    desk.note(bug, f"importance: {value.value}")


@commands.command()
def assignee(desk: Desk, bug: Bug, who: Person | Literal["nobody"]) -> None:
    """Say who works on the bug; they are subscribed."""
    if isinstance(who, Person):
        desk.subscribe(bug, who)
    bug.assignee = who.name if isinstance(who, Person) else None
    desk.note(bug, f"assignee: {bug.assignee or 'nobody'}")


@commands.command()
def subscribe(desk: Desk, bug: Bug, who: Person | None = None) -> None:
    """Have somebody told what happens to the bug: yourself, if nobody is named."""
    someone = who or desk.me
    desk.subscribe(bug, someone)
    desk.note(bug, f"subscribed: {someone.name}")


@commands.command()
def unsubscribe(desk: Desk, bug: Bug, who: Person | None = None) -> None:
    """Have somebody told no more: yourself, or anybody if you have reported the bug or work on it."""
    someone = who or desk.me
    if someone is not desk.me and not desk.runs(bug):
        raise CommandError("Only who has reported a bug or works on it may unsubscribe others.")
    desk.unsubscribe(bug, someone)
    desk.note(bug, f"unsubscribed: {someone.name}")


@commands.command()
def duplicate(desk: Desk, bug: Bug, of: int | Literal["no"]) -> None:
    """Say of which other bug this is a duplicate, or that it is none."""
    original = None if of == "no" else desk.find(int(of))
    if original is bug or (original is not None and original.duplicate_of is not None):
        raise CommandError("A bug can be a duplicate of another one only, which is none itself.")
    bug.duplicate_of = original.number if original else None
    desk.note(bug, f"duplicate: {of}")


@commands.command(example="tag printer paper")
def tag(desk: Desk, bug: Bug, tag: str, *more: str) -> None:
    """Give the bug tags; one with a hyphen before it is taken away."""
    named = (tag, *more)
    if odd := [word for word in named if not word.removeprefix("-").isalnum() or len(word) > 40]:
        raise CommandError(f'"{odd[0][:60]}" is no tag: it has up to 40 letters and digits.')
    for word in named:
        if word.startswith("-"):
            desk.untag(bug, word[1:])
        else:
            desk.tag(bug, word)
    desk.note(bug, f"tags: {' '.join(named)}")
