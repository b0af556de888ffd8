"""The pages of docs/behaviour and the tests that they cite stay together."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.smtpd.transcripts import transcripts

TOP = Path(__file__).parents[1]
PAGES = {
    name: (TOP / "docs" / "behaviour" / f"{name}.md").read_text() for name in ("incoming", "receiving", "gateway", "forwarding")
}
PROMISES = (TOP / "docs" / "promises.md").read_text()

ENTRIES = [
    (page, *found)
    for page, text in PAGES.items()
    for found in re.findall(r"^- \*\*(\d+)\*\* (.*?)(?=^- \*\*|^\S|\Z)", text, re.MULTILINE | re.DOTALL)
]
DEPARTURES = [
    line for text in PAGES.values() for line in text.splitlines() if line.startswith("| ") and not line.endswith("| shown by |")
]
CITED = sorted({cited for text in PAGES.values() for cited in re.findall(r"`((?:tests|examples)/[\w/]+\.py)::(\w+)`", text)})
SESSIONS = {f"{session.file}::{session.name}": session for session in transcripts()}

CITATION = re.compile(r"`(?:(?:tests|examples)/[\w/]+\.py|[a-z]+)::\w+`")
SESSION = re.compile(r"`([a-z]+::\w+)`")

# What the first page has to say something about: the story, the sender, the recipient, signatures, DKIM, domains, maildrops,
# answers. The others have what was asked of them: the mirror of a chat, and the forwarder with what was built on it.
WANTED = {
    "incoming": [*range(1, 70), *range(81, 88), *range(94, 100), 112],
    "receiving": [*range(1, 98)],
    "gateway": [*range(1, 41)],
    "forwarding": [*range(1, 37)],
}

TOLD_HERE = sorted(file for folder in ("story", "acceptance") for file in (TOP / "tests" / folder).glob("test_*.py"))


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of the tests of a file."""
    tree = ast.parse(file.read_bytes())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


@pytest.mark.parametrize("page", PAGES)
def test_every_number_has_one_entry_in_order(page: str) -> None:
    """No fact of the list is forgotten, told twice, or out of its place."""
    assert [int(number) for name, number, _ in ENTRIES if name == page] == WANTED[page]


@pytest.mark.parametrize(("page", "number", "text"), ENTRIES, ids=[f"{page}-{number}" for page, number, _ in ENTRIES])
def test_an_entry_says_something_and_cites_a_test(page: str, number: str, text: str) -> None:
    """Each fact is a sentence, and something would fail if it were not one."""
    sentence, *cited = CITATION.split(text)
    assert len(sentence.split()) >= 3
    assert cited


@pytest.mark.parametrize(("file", "name"), CITED)
def test_a_cited_test_is_there(file: str, name: str) -> None:
    """Who follows the page finds the test."""
    assert name in names_in(TOP / file)


@pytest.mark.parametrize("file", TOLD_HERE, ids=lambda file: file.stem)
def test_the_tests_of_the_list_are_all_cited(file: Path) -> None:
    """A fact that is shown by the story or the acceptance tests is told on the page."""
    told = {name for cited, name in CITED if TOP / cited == file}
    assert names_in(file) == told


def test_the_sessions_of_the_table_are_all_cited() -> None:
    """What is told to a client in a session is told on the page, and who follows the page finds the session."""
    entries = " ".join(text for page, _, text in ENTRIES if page == "receiving")
    assert set(SESSION.findall(entries)) == set(SESSIONS)
    assert set(SESSION.findall(PAGES["receiving"])) <= set(SESSIONS)


def test_each_difference_from_aiosmtpd_has_its_row() -> None:
    """No session in which aiosmtpd says something else is without a reason."""
    _, _, table = PAGES["receiving"].partition("\n## Where it differs from aiosmtpd\n")
    cited = SESSION.findall(table.partition("\n## ")[0])
    assert sorted(cited) == sorted(name for name, session in SESSIONS.items() if session.differs)


@pytest.mark.parametrize("row", DEPARTURES)
def test_a_departure_has_a_reason_and_a_test(row: str) -> None:
    """Where we do something else, the page says why, by the number of a promise or in words, and what shows it."""
    _, theirs, ours, why, shown, _ = row.split("|")
    assert theirs.strip() and ours.strip() and why.strip()
    assert CITATION.search(shown)
    for number in re.findall(r"promise (\d+)", why):
        assert re.search(rf"^## {number}\. ", PROMISES, re.MULTILINE)


@pytest.mark.parametrize("file", [*TOLD_HERE], ids=lambda file: file.stem)
def test_a_promise_that_a_test_cites_is_there(file: Path) -> None:
    """The number of a promise in a docstring leads to that promise."""
    for number in re.findall(r"promise (\d+)", file.read_text()):
        assert re.search(rf"^## {number}\. ", PROMISES, re.MULTILINE)
