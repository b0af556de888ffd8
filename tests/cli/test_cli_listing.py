"""Listings: tables that fit a terminal and show nothing raw, and JSON Lines that are ASCII."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailproc.cli.listing import Column, facts, write

TOP = Path(__file__).parents[2]
COLUMNS = [Column("name", 10), Column("when"), Column("what")]
HOSTILE = "\x1b[31mred\u202e \n\r\x00line \u200b"


def test_a_table_is_aligned_and_says_nothing_when_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """None is a dash, a list is its values, wide letters take two columns, and a long cell is cut."""
    rows = [
        {"name": "a", "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "what": ("x", "y")},
        {"name": "漢字", "when": None, "what": []},
        {"name": "a long name indeed", "what": True},
    ]
    write(rows, COLUMNS, "text")
    assert capsys.readouterr().out.splitlines() == [
        "NAME        WHEN                  WHAT",
        "a           2026-01-02 03:04:05Z  x y",
        "漢字        -                     -",
        "a long ...  -                     yes",
    ]
    write([], COLUMNS, "text")
    assert capsys.readouterr().out == ""


def test_nothing_is_shown_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """What stems from a mail can neither steer the terminal nor begin a line."""
    write([{"name": HOSTILE, "what": HOSTILE}], COLUMNS, "text")
    facts({"what": HOSTILE}, "text")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "".join(lines).isprintable()


def test_json_lines_are_ascii_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the text as it is, also half of a surrogate pair, and times with their zone."""
    row = {"name": HOSTILE + "\ud800ü", "when": datetime(2026, 1, 2, tzinfo=UTC), "more": 1}
    write([row], COLUMNS, "jsonl")
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": row["name"], "when": "2026-01-02T00:00:00+00:00", "more": 1}


def test_rows_are_written_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    """A listing of any length needs the memory of a page."""
    written = 0

    def rows() -> Iterator[dict[str, object]]:
        nonlocal written
        for number in range(1000):
            yield {"name": f"row {number}", "what": "x" * number}
            if number == 500:
                written = len(capsys.readouterr().out.splitlines())

    write(rows(), COLUMNS, "text")
    assert written > 300


def test_a_table_fits_a_terminal_of_80_columns() -> None:
    """On a terminal the last column is cut at its edge; in a pipe it is whole."""
    row = "{'name': 'n' * 30, 'what': 'w' * 300}"
    code = f"from mailproc.cli.listing import *; write([{row}], [Column('name', 10), Column('what')], 'text')"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP)}
    piped = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert "w" * 300 in piped.stdout
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    subprocess.run([sys.executable, "-c", code], env=environ, stdout=follower, timeout=60, check=True)
    os.close(follower)
    lines = os.read(leader, 10_000).decode().splitlines()
    os.close(leader)
    assert [len(line) for line in lines] == [16, 80]
    assert lines[1].endswith("...")
