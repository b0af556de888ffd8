"""Which lines of a text are commands, and what their arguments are: 70 to 80 of the acceptance list."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.commands import CommandError, Line, disarmed
from mailproc.commands.line import read_lines
from tests.cost import within

KNOWN = {"private", "tag", "help"}


def names(text: str) -> list[str]:
    """The commands that a text names."""
    return [line.name for line in read_lines(text, KNOWN).lines]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("\n\n", []),
        ("private yes", []),
        ("> private yes\n* tag a\n\u00a0tag b\n\u2003tag c", []),
        (" private yes", ["private"]),
        ("\tprivate yes", ["private"]),
        (" \t   \tprivate\tyes", ["private"]),
        (" private yes\r\n tag a\r\n", ["private", "tag"]),
        ("Hello\n private yes\nand\n\n   tag a\nBye", ["private", "tag"]),
        (" PRIVATE yes\n Tag: a\n tag:: b\n :tag c", ["private", "tag"]),
        (" publish yes\n indented text\n tagged\n pri vate", []),
        (" help\n tag", ["help", "tag"]),
        (" tag a\x0b private yes\x0c private no\u2028 private yes\x85 private no", ["tag"]),
    ],
    ids=[
        "70-empty",
        "70-blank",
        "71-no-indent",
        "71-other-signs-and-blanks",
        "72-space",
        "77-tab",
        "72-any-depth",
        "72-line-ends",
        "72-anywhere",
        "80-colon-and-case",
        "unknown-words",
        "help",
        "other-line-ends-are-none",
    ],
)
def test_a_command_line_begins_with_a_blank_or_a_tab(text: str, found: list[str]) -> None:
    """Its first word is a command's name; everything else is text."""
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "found", "rest"),
    [
        (" tag a\n done\n tag b\nBye", ["tag"], " tag b\nBye"),
        (" tag a\n\tDone:  \n tag b", ["tag"], " tag b"),
        (" tag a\n done x\n tag b", ["tag", "tag"], " done x"),
        ("done\n tag a", ["tag"], "done"),
        (" done\n done", [], " done"),
    ],
    ids=["78-done", "78-done-in-any-case", "79-done-with-an-argument", "not-indented", "once"],
)
def test_done_ends_the_commands(text: str, found: list[str], rest: str) -> None:
    """It stands alone; what follows is text."""
    asked = read_lines(text, KNOWN)
    assert ([line.name for line in asked.lines], asked.text) == (found, rest)


def test_the_text_is_what_is_left() -> None:
    """As it was, with its own indented lines."""
    asked = read_lines("Hello\n private yes\n\n  code\n tag a\nBye\n", KNOWN)
    assert asked.text == "Hello\n\n  code\nBye\n"
    assert asked.lines == (Line("private", "private yes"), Line("tag", "tag a"))


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("tag", ()),
        ("tag a b", ("a", "b")),
        ("tag   a \t b\u00a0c  ", ("a", "b", "c")),
        ("tag A Straße ÄÖ", ("a", "straße", "äö")),
        ('tag "Two Words" c', ("two words", "c")),
        ('tag "" " "', ("", " ")),
        ("tag \u201cTwo words\u201d \u201eDrei\u201c", ("two words", "drei")),
        ('tag it\'s 5" o"clock', ("it's", '5"', 'o"clock')),
        ("tag: a", ("a",)),
    ],
    ids=["none", "73-two", "73-blanks", "75-lowered", "76-quoted", "76-empty", "76-curly", "76-inner", "80-colon"],
)
def test_arguments_are_split_at_blanks(text: str, arguments: tuple[str, ...]) -> None:
    """They are lower-cased; a text in quotation marks, also in those that programs put there, is one."""
    assert read_lines(f" {text}", KNOWN).lines[0].arguments() == arguments


def test_case_is_kept_where_it_matters() -> None:
    """That of the command's name never matters (74)."""
    (line,) = read_lines(' TAG "Two Words" C', KNOWN).lines
    assert line.arguments(keeps_case=True) == ("Two Words", "C")


@pytest.mark.parametrize("text", ['tag "a b', 'tag "a b" "c', 'tag "a"b', "tag \u201ca", 'tag "'])
def test_an_open_quotation_mark_is_told(text: str) -> None:
    """As where a program has broken the line."""
    with pytest.raises(CommandError, match="A quotation mark is not closed"):
        Line("tag", text).arguments()


def test_a_long_line_is_told() -> None:
    """Nobody types one, and nobody wants it cut in secret."""
    assert Line("tag", f"tag {'a' * 996}").arguments() == ("a" * 996,)
    with pytest.raises(CommandError, match=r"longer than 1000 characters\."):
        Line("tag", f"tag {'a' * 997}").arguments()


@given(st.text(st.sampled_from(' \t\n\r"\u201cadentog:>'), max_size=80))
def test_any_text(text: str) -> None:
    """Each line is kept as text, is a command, or ends them; a disarmed text has no command."""
    asked = read_lines(text, KNOWN)
    kept, said = asked.text.split("\n"), [line.text for line in asked.lines]
    for row in text.split("\n"):
        assert row in kept or row.strip() in said or row.strip().lower().removesuffix(":") == "done"
    assert read_lines(disarmed(text), KNOWN).lines == ()
    for line in asked.lines:
        try:
            assert not any(set(word) & set('"\u201c\n') for word in line.arguments() if word[:1] in ('"', "\u201c"))
        except CommandError as error:
            assert "\n" not in str(error)


def test_a_disarmed_text_is_readable() -> None:
    """A line that could be a command has a mark before it."""
    assert disarmed("Hello\n private yes\n\ttag a\n") == "Hello\n| private yes\n|\ttag a\n"


@pytest.mark.parametrize("unit", [" ", " tag a\n", ' tag "', "\t\n", ' "" ', " tag\u00a0", " \u201c"])
def test_time(unit: str) -> None:
    """A text of half a million characters of any shape is read in the time of a good one."""
    text = " tag " + unit * (500_000 // len(unit))

    def worked() -> None:
        for line in read_lines(text, KNOWN).lines[:2]:
            with suppress(CommandError):
                line.arguments()
        disarmed(text)

    within(0.5, worked)
