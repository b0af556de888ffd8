"""What came of the commands of a text: each for itself, but for those that stop all."""

from __future__ import annotations

from typing import Literal

import pytest
from sqlalchemy import null
from sqlalchemy.exc import IntegrityError

from mailproc.commands import Commands, Run
from tests.commands.lamps import House, Lamp, Owner, commands


def ran(house: House, text: str, lamp: str | None = "hall") -> Run:
    """What comes of a text about a lamp."""
    acts_on = [house, house.session.get_one(Lamp, lamp)] if lamp else [house]
    return commands.run(commands.read(text), house.session, *acts_on)


def lamps(house: House) -> dict[str, tuple[bool, str, str]]:
    """All lamps as they are in the database."""
    house.session.flush()
    house.session.expire_all()
    names = ("hall", "stairs")
    return {name: (lamp.on, lamp.colour, lamp.label) for name in names if (lamp := house.session.get_one(Lamp, name))}


AS_BEFORE = (False, "white", "")


def test_no_commands_do_nothing(house: House) -> None:
    """There is nothing to tell (100)."""
    assert ran(house, "Hello\nswitch yes\n") == Run()


def test_a_command_that_fails_leaves_nothing_behind(house: House) -> None:
    """The others stand, and all that failed are there (109)."""
    run = ran(house, " switch yes\n colour dark-red\n label X\n switch maybe\n")
    assert [line.text for line in run.done] == ["switch yes", "label X"]
    assert [failure.line.text for failure in run.failed] == ["colour dark-red", "switch maybe"]
    assert run.failed[0].text == "There is no red paint."
    assert lamps(house) == {"hall": (True, "white", "X"), "stairs": AS_BEFORE}


@pytest.mark.parametrize("stopping", ["smash 4", "smash often", "burn-down stop"])
def test_a_command_that_stops_undoes_all(house: House, stopping: str) -> None:
    """What follows is not tried; what failed before is told, too (110)."""
    run = ran(house, f" switch yes\n colour dark-red\n {stopping}\n label X\n")
    assert (run.done, run.stopped) == ((), True)
    assert [failure.line.text for failure in run.failed] == ["colour dark-red", stopping]
    assert lamps(house) == {"hall": AS_BEFORE, "stairs": AS_BEFORE}


def test_a_command_begins_what_the_next_act_on(house: House) -> None:
    """Until another does; they are carried out in their order."""
    run = ran(house, " lamp hall\n switch yes\n lamp stairs\n label X\n switch no\n", lamp=None)
    assert (len(run.done), run.failed) == (5, ())
    assert house.calls == [("lamp", "hall"), ("switch", "hall", True), ("lamp", "stairs"), ("switch", "stairs", False)]
    assert lamps(house) == {"hall": (True, "white", ""), "stairs": (False, "white", "X")}


def test_nothing_is_done_to_the_wrong_lamp(house: House) -> None:
    """Where the lamp is not found the commands for it are not done to the one before."""
    run = ran(house, " lamp hall\n switch yes\n lamp cellar\n label X\n colour white\n")
    assert [failure.text for failure in run.failed] == [
        "There is no lamp cellar.",
        'It is not said for which lamp this is: a line like "lamp name" must stand before it.',
        'It is not said for which lamp this is: a line like "lamp name" must stand before it.',
    ]
    assert lamps(house)["hall"] == (True, "white", "")


def test_what_nobody_gives_and_no_command_begins_is_a_bug(house: House) -> None:
    """The sender could not mend it."""
    with pytest.raises(TypeError, match="the commands need House"):
        commands.run(commands.read(" play"), house.session)
    vocabulary = Commands("readers", House)

    @vocabulary.argument("NAME", example="me")
    def owner(house: House, word: str) -> Owner:
        return Owner(word)

    @vocabulary.command()
    def give(to: Owner | Literal["nobody"]) -> None: ...

    with pytest.raises(TypeError, match="the commands need House"):
        vocabulary.run(vocabulary.read(" give me"), house.session)


def test_a_command_that_begins_returns_what_it_says(house: House) -> None:
    """A forgotten return is a bug."""
    vocabulary = Commands("forgetful", Lamp)

    @vocabulary.command()
    def lamp() -> Lamp: ...  # type: ignore[empty-body]

    with pytest.raises(TypeError, match="command lamp returned NoneType, and no Lamp"):
        vocabulary.run(vocabulary.read(" lamp"), house.session)


def test_what_the_database_says_goes_through(house: House) -> None:
    """A broken constraint is found when the command ends, and is not the sender's fault."""
    vocabulary = Commands("hasty", House)

    @vocabulary.command()
    def add(house: House) -> None:
        house.session.add(Lamp(name="attic", colour=null()))

    with pytest.raises(IntegrityError):
        vocabulary.run(vocabulary.read(" add"), house.session, house)
    assert house.session.get(Lamp, "attic") is None


def test_commands_are_bounded(house: House) -> None:
    """A hundred are carried out, and of more not one."""
    assert len(ran(house, " switch yes\n" * 100).done) == 100
    run = ran(house, " label X\n" * 101)
    assert (run.done, run.stopped) == ((), True)
    assert run.failed[0].text == "A mail may hold 100 commands, and yours holds 101."
    assert lamps(house)["hall"] == (True, "white", "")


def test_help_is_no_command(house: House) -> None:
    """It is answered with what the others are, once, whatever stands behind it."""
    run = ran(house, " help\n switch yes\n help me\n")
    assert (len(run.done), run.help) == (1, commands.help())
    assert ran(house, " switch yes").help == ""


def test_the_help_explains_every_command() -> None:
    """How it is written, what it does, and an example where that is something else."""
    text = commands.help()
    entries = dict(entry.split("\n", 1) for entry in text.split("\n\n")[1:])
    assert list(entries) == [
        "* lamp NAME",
        "* switch yes|no",
        "* colour white|dark-red",
        "* label TEXT",
        "* smash [NUMBER]",
        "* play [TUNES ...]",
        "* give NAME|me|nobody|all small|large [DATE]",
        "* burn-down slowly|at-once|later|stop",
        "* help",
    ]
    assert entries["* switch yes|no"] == "Switch the lamp on or off. For example: switch yes"
    assert entries["* label TEXT"] == 'Write on the lamp. For example: label "My Lamp"'


def test_the_help_holds_no_command() -> None:
    """An answer that repeats it is not to carry out what it explains; and it fits into a screen."""
    assert commands.read(commands.help()).lines == ()
    assert max(map(len, commands.help().splitlines())) <= 72
