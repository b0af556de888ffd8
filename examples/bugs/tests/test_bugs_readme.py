"""What the README tells users is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from bugs.commands import commands
from bugs.desk import LONGEST_TITLE
from bugs.mail import BugTracker

README = (Path(__file__).parents[1] / "README.md").read_text()
TABLE = README.partition("| command | does |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
ROWS = {row.split("`")[1].split()[0]: re.findall(r"`([^`]+)`", row) for row in TABLE}


def test_every_command_is_in_the_table() -> None:
    """With each word that it takes; and no other is."""
    told = [line.removeprefix("* ").split() for line in commands.help().splitlines() if line.startswith("* ")]
    assert {name for name, *_ in told} | {"done"} == set(ROWS)
    for name, *shapes in told:
        for word in (word for shape in shapes for word in shape.strip("[]").split("|") if word.islower()):
            assert any(word in code.split() for code in ROWS[name]), (name, word)


def test_the_example_holds_its_commands() -> None:
    """Those that it seems to hold."""
    (example,) = re.findall(r"^    It happens.*?(?=^\S)", README, re.MULTILINE | re.DOTALL)
    asked = commands.read(re.sub(r"(?m)^    ", "", example))
    assert [line.name for line in asked.lines] == ["status", "importance", "tag", "assignee"]


def test_the_limits_are_those_of_the_program() -> None:
    """The numbers stand there."""
    assert f"up to {BugTracker.longest:,} characters, a title {LONGEST_TITLE}" in README
