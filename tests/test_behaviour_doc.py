"""docs/behaviour/incoming.md and the tests that it cites stay together."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGE = (TOP / "docs" / "behaviour" / "incoming.md").read_text()
PROMISES = (TOP / "docs" / "promises.md").read_text()

ENTRIES = re.findall(r"^- \*\*(\d+)\*\* (.*?)(?=^- \*\*|^\S|\Z)", PAGE, re.MULTILINE | re.DOTALL)
DEPARTURES = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
CITED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))

# What the page has to say something about: the story, the sender, the recipient, signatures, DKIM, domains, maildrops, answers.
WANTED = [*range(1, 70), *range(81, 88), *range(94, 100), 112]

TOLD_HERE = sorted(file for folder in ("story", "acceptance") for file in (TOP / "tests" / folder).glob("test_*.py"))


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests of a file."""
    tree = ast.parse(file.read_bytes())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_every_number_has_one_entry_in_order() -> None:
    """No fact of the list is forgotten, told twice, or out of its place."""
    assert [int(number) for number, _ in ENTRIES] == WANTED


@pytest.mark.parametrize(("number", "text"), ENTRIES, ids=[number for number, _ in ENTRIES])
def test_an_entry_says_something_and_cites_a_test(number: str, text: str) -> None:
    """Each fact is a sentence, and something would fail if it were not one."""
    sentence, *_ = re.split(r"`tests/", text)
    assert len(sentence.split()) >= 3
    assert re.search(r"`tests/[\w/]+\.py::\w+`", text)


@pytest.mark.parametrize(("file", "name"), CITED)
def test_a_cited_test_is_there(file: str, name: str) -> None:
    """Who follows the page finds the test."""
    assert name in names_in(TOP / file)


@pytest.mark.parametrize("file", TOLD_HERE, ids=lambda file: file.stem)
def test_the_tests_of_the_list_are_all_cited(file: Path) -> None:
    """A fact that is shown by the story or the acceptance tests is told on the page."""
    told = {name for cited, name in CITED if TOP / cited == file}
    assert names_in(file) == told


@pytest.mark.parametrize("row", DEPARTURES)
def test_a_departure_has_a_reason_and_a_test(row: str) -> None:
    """Where we do something else, the page says why, by the number of a promise or in words, and what shows it."""
    _, theirs, ours, why, shown, _ = row.split("|")
    assert theirs.strip() and ours.strip() and why.strip()
    assert "tests/" in shown
    for number in re.findall(r"promise (\d+)", why):
        assert re.search(rf"^## {number}\. ", PROMISES, re.MULTILINE)


@pytest.mark.parametrize("file", [*TOLD_HERE], ids=lambda file: file.stem)
def test_a_promise_that_a_test_cites_is_there(file: Path) -> None:
    """The number of a promise in a docstring leads to that promise."""
    for number in re.findall(r"promise (\d+)", file.read_text()):
        assert re.search(rf"^## {number}\. ", PROMISES, re.MULTILINE)
