"""The page on commands is true: its code runs, and nothing that is promised is missing."""

from __future__ import annotations

import dataclasses
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailproc.commands
from mailproc.commands import Asked, Commands, Failure, Line, Run
from mailproc.commands.line import LONGEST
from mailproc.commands.run import MOST

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
PROSE = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page() -> Iterator[types.ModuleType]:
    """All code of the page, run from its top to its end."""
    module = types.ModuleType("commands_page")
    sys.modules["commands_page"] = module
    for text in PYTHON:
        exec(compile(text, "docs/commands.md", "exec", dont_inherit=True), module.__dict__)
    yield module
    del sys.modules["commands_page"]


def test_all_code_of_the_page_is_run() -> None:
    """Every block says what it is, so that none is passed over."""
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"python"}


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", "\n".join(PYTHON), re.MULTILINE))
def test_the_tests_on_the_page_pass(page: types.ModuleType, name: str) -> None:
    """They are run as they stand there."""
    getattr(page, name)()


def test_the_example_for_people_is_one() -> None:
    """It holds the commands that it seems to, and its signature is text."""
    vocabulary = Commands("shown")
    for name in ("status", "assignee"):
        vocabulary.command(name=name)(lambda: None)
    shown = next(block for block in re.split(r"(?m)^(?=\S)", PAGE) if "status fixed" in block)
    asked = vocabulary.read(re.sub(r"(?m)^    ", "", shown))
    assert [line.text for line in asked.lines] == ["status fixed", 'assignee "Ann Smith"']
    assert asked.lines[1].arguments(keeps_case=True) == ("Ann Smith",)
    assert asked.text.rstrip().endswith("--\n  Ann")


@pytest.mark.parametrize("name", sorted({
    *mailproc.commands.__all__,
    *(field.name for record in (Asked, Run, Failure, Line) for field in dataclasses.fields(record)),
    *(name for name in vars(Commands) if not name.startswith("_")),
}))  # fmt: skip
def test_every_promised_name_is_explained(name: str) -> None:
    """Each stands somewhere on the page as code, not only in an example."""
    assert any(re.search(rf"\b{name}\b", code) for code in re.findall(r"`([^`]+)`", PROSE))


def test_the_bounds_are_those_of_the_program() -> None:
    """The numbers stand on the page."""
    assert f"at most {MOST} commands, and a command line {LONGEST} characters" in " ".join(PROSE.split()).replace("  ", " ")
