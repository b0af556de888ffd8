"""The reverse path that a maildrop has kept: Return-Path, or the line above a mail of an mbox."""

from __future__ import annotations

import pytest

from mailproc.reading import read_header
from mailproc.recipients import reverse_path_of
from mailproc.screening import written_path
from mailproc.screening.reverse_path import is_daemons


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("<>", ""),
        ("< >", ""),
        ("<\t >", ""),
        ("  <>  ", ""),
        ("<> (null)", ""),
        ("(it was (really) null) <>", ""),
        ("<(null)>", ""),
        ("<\n >", ""),
        ("<>\nReturn-Path: <ann@example.org>", ""),
        ("<ann@example.org>", "ann@example.org"),
        ("< ann@example.org > (x)", "ann@example.org"),
        ("ann@example.org", "ann@example.org"),
        ("<ann@example.org>\nReturn-Path: <>", "ann@example.org"),
        ("<MAILER-DAEMON>", "MAILER-DAEMON"),
        ("<#@[]>", "#@[]"),
        ("", None),
        ("(nothing)", None),
        ("<", "<"),
        ("<<>>", "<<>>"),
        ("<><>", "<><>"),
    ],
)
def test_the_path_that_is_written_down(value: str, path: str | None) -> None:
    """The topmost field counts, without brackets, blanks and comments; an empty field says nothing."""
    assert written_path(read_header(f"Return-Path: {value}\nSubject: x\n\n".encode())) == path


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("< >", ""),
        ("<> (x)", ""),
        ("<ann@EXAMPLE.org>", "ann@example.org"),
        ("<MAILER-DAEMON>", None),
        ("<#@[]>", None),
        ("<a@example.org>, <b@example.org>", None),
        ("<<>>", None),
        ("", None),
    ],
)
def test_the_path_that_is_recorded(value: str, path: str | None) -> None:
    """What is recorded is the null path or one address; anything else is unknown."""
    assert reverse_path_of(read_header(f"Return-Path: {value}\nSubject: x\n\n".encode())) == path


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("From MAILER-DAEMON Mon Nov  2 09:00:00 2026", ""),
        ("From mailer-daemon", ""),
        ("From <> Mon Nov  2 09:00:00 2026", ""),
        ("From   MAILER-DAEMON\tMon Nov  2 09:00:00 2026\r", ""),
        ("From ann@example.org Mon Nov  2 09:00:00 2026", "ann@example.org"),
        ("From MAILER-DAEMON@example.org Mon Nov  2 09:00:00 2026", "MAILER-DAEMON@example.org"),
        ("From - Mon Nov  2 09:00:00 2026", None),
        ("From mailer-daemons Mon Nov  2 09:00:00 2026", None),
        ("From ", None),
        (f"From {'x' * 494}@example.org", "x" * 494 + "@example.org"),
        (f"From {'x' * 495}@example.org", None),
        (f"From {'x' * 489}@example.org {'y' * 99}", "x" * 489 + "@example.org"),
        (f"From ann@example.org {'y' * 999}", "ann@example.org"),
    ],
)
def test_the_line_of_an_mbox(line: str, path: str | None) -> None:
    """Without a Return-Path the line "From " tells; there MAILER-DAEMON stands for the null path."""
    header = read_header(f"{line}\nSubject: x\n\n".encode())
    assert header.first("Subject") == "x"
    assert written_path(header) == path
    assert reverse_path_of(header) == (path if path is None or len(path) < 255 else None)


@pytest.mark.parametrize("value", ["<ann@example.org>", ""])
def test_return_path_overrules_the_line_of_an_mbox(value: str) -> None:
    """The field is the MTA's, the line only the mailbox's; an empty field makes the path unknown."""
    header = read_header(f"From MAILER-DAEMON Mon Nov  2 09:00:00 2026\nReturn-Path: {value}\n\n".encode())
    assert written_path(header) == (value.strip("<>") or None)


def test_no_path() -> None:
    """Without field and line nothing is known; a field in the text is none."""
    assert written_path(read_header(b"Subject: x\n\nReturn-Path: <>\nFrom MAILER-DAEMON x\n")) is None
    assert read_header(b"Subject: x\n\n").postmark is None


@pytest.mark.parametrize(
    ("path", "daemons"),
    [
        ("MAILER-DAEMON", True),
        ("mailer-daemon@example.org", True),
        ("#@[]", True),
        ("#@[]x", False),
        ("", False),
        (None, False),
        ("mailer-daemons@example.org", False),
        ("ann@mailer-daemon", False),
    ],
)
def test_the_path_of_a_daemon(path: str | None, daemons: bool) -> None:
    """A mailer daemon is known by its local part, with a domain or without; qmail has a path of its own."""
    assert is_daemons(path) is daemons
