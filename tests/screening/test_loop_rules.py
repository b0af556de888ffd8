"""Loops: our own mail, come back."""

import pytest

from mailproc.reading import read_message
from mailproc.screening import Screened, screen


def screened(head: str, our_domain: str = "robot.example.org") -> Screened:
    """What a mail with these header lines is."""
    return screen(read_message(f"{head}\n\n".encode()), reverse_path=None, size=1, max_size=1, our_domain=our_domain)


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        ("X-Loop: mailproc/robot.example.org", "loop.mark"),
        ("X-Loop: other\nX-Loop: MailProc/Robot.Example.ORG ", "loop.mark"),
        ("Message-ID: <mailproc.abc-1.2@robot.example.org>", "loop.message-id"),
        ("Message-ID: <mailproc.x@ROBOT.example.org>", "loop.message-id"),
        ("Received: x\n" * 51 + "X: y", "loop.received"),
        ("X-Loop: mailproc/robot.example.org\nReturn-Path: <>\nPrecedence: bulk", "loop.mark"),
    ],
)
def test_loops(head: str, rule: str) -> None:
    """Each sign of a loop has its rule, which is asked before those of bounces and bulk."""
    found = screened(head)
    assert (found.verdict, found.rule) == ("loop", rule)


@pytest.mark.parametrize(
    "head",
    [
        "X-Loop: ann@example.org",
        "X-Loop: xmailproc/robot.example.org",
        "Message-ID: <mailproc.x@example.org>",
        "Message-ID: <mailproc@robot.example.org>",
        "Message-ID: <x.mailproc.x@robot.example.org>",
        "In-Reply-To: <mailproc.x@robot.example.org>\nReferences: <mailproc.x@robot.example.org>",
        "Received: x\n" * 50 + "X: y",
        "Delivered-To: notes@robot.example.org\nDelivered-To: notes@robot.example.org",
    ],
)
def test_no_loops(head: str) -> None:
    """Marks of other programs, answers to our mail, and fifty hops are no loop."""
    assert screened(head).verdict == "human"


@pytest.mark.parametrize(
    "head",
    [
        "X-Loop: mailproc/other.example.org",
        "X-Loop: other\nX-Loop: mailproc/x",
        f"Message-ID: <mailproc.{'0123456789abcdef' * 2}@other.example.org>",
        f"Message-ID:  <mailproc.{'f' * 32}@x> ",
    ],
)
def test_another_mailproc_is_no_person(head: str) -> None:
    """What it sends is automatic, whatever a gateway has taken away."""
    found = screened(head)
    assert (found.verdict, found.rule, found.reason) == ("auto-reply", "auto-reply.mailproc", "another mailproc wrote it")


@pytest.mark.parametrize(
    "head",
    [
        "X-Loop: mailproc/",
        "X-Loop: mailproc/a b",
        "X-Loop: a mailproc/x",
        f"Message-ID: <mailproc.{'f' * 31}@x>",
        f"Message-ID: <mailproc.{'f' * 33}@x>",
        f"Message-ID: <mailproc.{'g' * 32}@x>",
        f"Message-ID: <mailproc-{'f' * 32}@x>",
        f"Message-ID: x <mailproc.{'f' * 32}@x>",
        f"In-Reply-To: <mailproc.{'f' * 32}@x>",
    ],
)
def test_what_only_looks_like_another_mailproc_is_from_a_person(head: str) -> None:
    """Above all an answer to its mail."""
    assert screened(head).verdict == "human"


def test_no_domain() -> None:
    """Without a domain of ours no mark is ours."""
    assert screened("X-Loop: mailproc/\nMessage-ID: <mailproc.x@>", "").verdict == "human"
