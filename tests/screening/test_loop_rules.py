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
        "X-Loop: mailproc/other.example.org",
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
    """Marks of others, answers to our mail, and fifty hops are no loop."""
    assert screened(head).verdict == "human"


def test_no_domain() -> None:
    """Without a domain of ours no mark is ours."""
    assert screened("X-Loop: mailproc/\nMessage-ID: <mailproc.x@>", "").verdict == "human"
