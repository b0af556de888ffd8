"""`handlers`: who serves which domain, and what is wrong with whom."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call

HANDLER = """
from mailproc import Trust, handler

@handler(requires=Trust.STRONG, external=True)
def add_note(delivery): ...
"""
DOMAINS = """
[domains."notes.example.org"]
handler = "acme_cli_notes:add_note"
[domains."*.example.org"]
handler = "other"
[handler.other]
use = "acme_cli_notes:add_note"
"""


@pytest.fixture
def served(site: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A site with two domains and one handler under two names."""
    (tmp_path / "acme_cli_notes.py").write_text(HANDLER)
    with (tmp_path / "mailproc.toml").open("a") as file:
        file.write(DOMAINS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_cli_notes", raising=False)
    return site


def test_domains_are_listed_with_their_handlers(served: Call) -> None:
    """Each comes with what it requires of a sender."""
    rows = [row for row in served("handlers", "--format", "jsonl").rows if row["domain"]]
    assert [(row["domain"], row["handler"], row["requires"], row["external"], row["error"]) for row in rows] == [
        ("notes.example.org", "acme_cli_notes:add_note", "strong", True, None),
        ("*.example.org", "other", "strong", True, None),
    ]


def test_an_address_is_tried(served: Call) -> None:
    """--test answers with the pattern that wins; nobody is status 78."""
    (row,) = served("handlers", "--test", "x@a.b.EXAMPLE.org", "--format", "jsonl").rows
    assert (row["address"], row["domain"], row["handler"]) == ("x@a.b.EXAMPLE.org", "*.example.org", "other")
    nobody = served("handlers", "--test", "x@example.com")
    assert nobody.status == 78
    assert "nobody handles this domain" in nobody.out


def test_a_broken_handler_is_named_and_the_others_are_listed(served: Call, tmp_path: Path) -> None:
    """The status is 78, as that of `handle` would be."""
    with (tmp_path / "mailproc.toml").open("a") as file:
        file.write('[domains."broken.example.net"]\nhandler = "acme_cli_missing:x"\n')
    ended = served("handlers")
    assert ended.status == 78
    assert "acme_cli_missing:x does not import: ModuleNotFoundError" in ended.out
    assert "notes.example.org" in ended.out
