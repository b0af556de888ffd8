"""`user passwd`: a password is set without ever standing on a command line."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc.database import passwords
from mailproc.database.engine import make_engine, reading
from mailproc.database.passwords import password_fits
from tests.cli.conftest import Call, Ended

TOP = Path(__file__).parents[2]


@pytest.fixture
def ann(site: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A site with a user, and hashes that cost little."""
    monkeypatch.setattr(passwords, "_LOG_COST", 6)
    site("user", "add", "ann", "--email", "ann@example.org")
    return site


def typed(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    """Let these octets be what stdin has."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(octets)))


def fits(folder: Path, password: str) -> bool:
    """Whether the password is ann's."""
    engine = make_engine(f"sqlite:///{folder}/mailproc.db")
    with reading(engine) as conn:
        return password_fits(conn, "ann", password)


@pytest.mark.parametrize("octets", [b"schoen w\xc3\xb6rt\nmore\n", b"schoen w\xc3\xb6rt\r\n", b"schoen w\xc3\xb6rt"])
def test_a_password_is_the_first_line_of_stdin(
    ann: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    """Without the end of the line; a script hears nothing when all is well."""
    typed(monkeypatch, octets)
    assert ann("user", "passwd", "ann", "--stdin") == Ended(0, "", "")
    assert fits(tmp_path, "schoen wört")


def test_a_listing_says_who_has_one(ann: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As true or false, and never what it is made of."""
    typed(monkeypatch, b"a good one\n")
    ann("user", "passwd", "ann", "--stdin")
    (row,) = ann("user", "list", "--format", "jsonl").rows
    assert row["password"] is True
    assert ann("user", "passwd", "ann", "--remove") == Ended(0, "", "")
    (row,) = ann("user", "list", "--format", "jsonl").rows
    assert row["password"] is False
    assert not fits(tmp_path, "a good one")


@pytest.mark.parametrize(
    ("arguments", "octets", "says"),
    [
        (["ann", "--stdin"], b"1234567\n", "mailproc: a password has at least 8 characters; give a longer one\n"),
        (["ann", "--stdin"], b"", "mailproc: a password has at least 8 characters; give a longer one\n"),
        (["ann", "--stdin"], b"x" * 100_000, "mailproc: a password has at most 1,024 octets; give a shorter one\n"),
        (["ann", "--stdin"], b"\xff\xff\xff\xff\xff\xff\xff\xff\n", "The first line of stdin is not UTF-8; write it so."),
        (["eve", "--stdin"], b"a good one\n", "mailproc: there is no user eve; type: mailproc user list\n"),
        (["eve", "--remove"], b"", "mailproc: there is no user eve; type: mailproc user list\n"),
        (["ann", "--stdin", "--remove"], b"", "--stdin and --remove exclude each other."),
        (["ann"], b"a good one\n", "There is no terminal to ask for the password; give it with --stdin."),
        (["ann", "a good one"], b"", "Got unexpected extra argument"),
    ],
)
def test_a_mistake_changes_nothing(
    ann: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], octets: bytes, says: str
) -> None:
    """The status is 64, and what is wrong stands on stderr."""
    typed(monkeypatch, b"the one before\n")
    ann("user", "passwd", "ann", "--stdin")
    typed(monkeypatch, octets)
    ended = ann("user", "passwd", *arguments)
    assert ended.status == 64
    assert says in ended.err
    assert fits(tmp_path, "the one before")


@pytest.mark.parametrize(
    ("twice", "status"), [(["a good one"] * 2, 0), (["a good one", "another", "a good one", "a good one"], 0)]
)
def test_a_terminal_is_asked_twice_and_shows_nothing(ann: Call, tmp_path: Path, twice: list[str], status: int) -> None:
    """Two unlike ones are asked for again; what is typed is not echoed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailproc", "user", "passwd", "ann"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    prompts = 0
    try:
        while piece := _read(ours):
            written += piece
            while written.count(b"New password: ") + written.count(b"Once more: ") > prompts and prompts < len(twice):
                os.write(ours, f"{twice[prompts]}\n".encode())
                prompts += 1
        assert process.wait(30) == status
    finally:
        process.kill()
        os.close(ours)
    assert b"a good one" not in written
    assert b"ann has a new password" in written
    assert fits(tmp_path, "a good one")


def _read(terminal: int) -> bytes:
    """What is there; nothing when nobody holds the other side any more."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
