"""The documents as tests see them: pages, their sections, tables and blocks."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[1]
PAGES = {str(file.relative_to(TOP)): file.read_text() for file in [TOP / "README.md", *sorted(TOP.glob("docs/**/*.md"))]}
PAGES |= {name: (TOP / name).read_text() for name in ("CHANGELOG.md", "cron/README.md")}
PAGES |= {str(file.relative_to(TOP)): file.read_text() for file in sorted(TOP.glob("examples/*/README.md"))}


def blocks(page: str, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def section(page: str, heading: str) -> str:
    """What stands below a heading of the second level or the third."""
    match = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert match is not None, heading
    return match[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables of a text, without their heads."""
    found: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in table.splitlines()]
        found += [[cell.strip() for cell in line] for line in lines[2:]]
    return found


def named(text: str) -> list[str]:
    """What the first columns of the tables of a text name in code."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]
