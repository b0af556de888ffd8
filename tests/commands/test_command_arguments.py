"""What an argument may be, and what is told of one that is not: by the types of the parameters."""

from __future__ import annotations

import datetime
from typing import Any, Literal

import pytest

from mailproc.commands import Commands
from tests.commands.lamps import Colour, House, Lamp, Size, commands


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("lamp hall", ("lamp", "hall")),
        ("switch YES", ("switch", "hall", True)),
        ("switch no", ("switch", "hall", False)),
        ("smash", ("smash", 1)),
        ("smash 2", ("smash", 2)),
        ("smash -03", ("smash", -3)),
        ("play", ("play",)),
        ("play a B c", ("play", "a", "b", "c")),
        ("give me small", ("give", "ann", Size.SMALL, None)),
        ("give bob LARGE 2026-12-24", ("give", "bob", Size.LARGE, datetime.date(2026, 12, 24))),
        ("give nobody small", ("give", "nobody", Size.SMALL, None)),
        ("give All small", ("give", "all", Size.SMALL, None)),
    ],
)
def test_a_command_is_called_with_values(house: House, line: str, call: tuple[object, ...]) -> None:
    """Of the types that it asks for."""
    run = commands.run(commands.read(f" {line}"), house.session, house, house.session.get_one(Lamp, "hall"))
    assert (run.failed, house.calls) == ((), [call])


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("lamp", "It is written: lamp NAME (for example: lamp name)."),
        ("lamp a b", "It is written: lamp NAME (for example: lamp name)."),
        ("switch", "It is written: switch yes|no (for example: switch yes)."),
        ("switch on", 'It takes yes or no, and not "on". It is written: switch yes|no (for example: switch yes).'),
        (
            "colour burnt",
            'It takes white or dark-red, and not "burnt". It is written: colour white|dark-red (for example: colour white).',
        ),
        ("label My Lamp", 'It is written: label TEXT (for example: label "My Lamp").'),
        ("smash twice", 'It takes a number, and not "twice". It is written: smash [NUMBER] (for example: smash).'),
        ("smash 1234567890", 'It takes a number, and not "1234567890". It is written: smash [NUMBER] (for example: smash).'),
        ("smash \u0663", 'It takes a number, and not "\u0663". It is written: smash [NUMBER] (for example: smash).'),
        ("give eve small", "eve does not live here."),
        (
            "give me small 2026-13-01",
            'It takes a date such as 2026-12-24, and not "2026-13-01". '
            "It is written: give NAME|me|nobody|all small|large [DATE] (for example: give me small).",
        ),
        (f"switch {'x' * 90}", f'It takes yes or no, and not "{"x" * 57}...". '
         "It is written: switch yes|no (for example: switch yes)."),
        ("burn-down", "It is written: burn-down slowly|at-once|later|stop (for example: burn-down slowly)."),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_told_with_the_legal_ones(house: House, line: str, text: str) -> None:
    """And with an example, on one line; the command is not called."""
    run = commands.run(commands.read(f" {line}"), house.session, house, house.session.get_one(Lamp, "hall"))
    assert [failure.text for failure in run.failed] == [text]
    assert (run.done, house.calls) == ((), [])


def test_an_enumeration_is_taken_by_its_words(house: House) -> None:
    """The values, where they are texts."""
    lamp = house.session.get_one(Lamp, "hall")
    assert commands.run(commands.read(" colour White"), house.session, house, lamp).failed == ()
    assert lamp.colour == Colour.WHITE


class _Bad:
    """Functions that cannot be commands."""

    def untyped(house: House, x) -> None: ...  # type: ignore[no-untyped-def]  # noqa: N805
    def floating(house: House, x: float) -> None: ...  # noqa: N805
    def numbered(x: Literal[1, 2]) -> None: ...  # noqa: N805
    def named(house: House, *, x: str) -> None: ...  # noqa: N805
    def late(x: str, house: House) -> None: ...  # noqa: N805
    def mixed(**words: str) -> None: ...
    def returning(x: str) -> str: ...  # noqa: N805
    def help(house: House) -> None: ...  # noqa: N805
    def done(house: House) -> None: ...  # noqa: N805
    def Upper(house: House) -> None: ...  # noqa: N802, N805


def bad(case: str) -> Any:
    """Make a command that cannot be one."""
    return Commands("bad", House).command()(vars(_Bad)[case])


@pytest.mark.parametrize("case", ["untyped", "floating", "numbered", "named", "late", "mixed", "returning"])
def test_a_parameter_that_can_take_no_argument_is_refused(case: str) -> None:
    """When the command is made, and not when a mail comes; the text names the command."""
    with pytest.raises(TypeError, match=f"command {case}: "):
        bad(case)


@pytest.mark.parametrize("case", ["help", "done", "Upper"])
def test_a_name_that_cannot_be_one_is_refused(case: str) -> None:
    """What the framework has for itself, and what no sender could write."""
    with pytest.raises(ValueError, match=f"no command can have the name '{case}'"):
        bad(case)


def test_a_name_is_taken_once() -> None:
    """A second command would hide the first."""
    vocabulary = Commands("twice", House)

    @vocabulary.command()
    def once(house: House) -> None: ...

    with pytest.raises(ValueError, match="'once': it is taken"):
        vocabulary.command()(once)


def test_a_reader_of_arguments_takes_one_word() -> None:
    """Behind what it acts on."""
    with pytest.raises(TypeError, match="must take one word"):
        Commands("bad", House).argument("X", example="x")(lambda: None)


@pytest.mark.parametrize("given", [("a text",), (House, 1)])
def test_what_no_command_acts_on_is_a_bug(house: House, given: tuple[object, ...]) -> None:
    """So it is found by the first test."""
    with pytest.raises(TypeError, match="the commands of lamps act on one of each of"):
        commands.run(commands.read(""), house.session, *given)
