"""Bounces: the envelope and the topmost header tell, never what a person quotes."""

import pytest

from mailproc.reading import read_message
from mailproc.screening import Screened, screen

PERSON = "From: Ann <ann@example.org>\n"


def screened(head: str, body: str = "", reverse_path: str | None = None) -> Screened:
    """What a mail with these header lines is."""
    raw = f"{head}\n\n{body}".encode()
    return screen(read_message(raw), reverse_path=reverse_path, size=len(raw), max_size=10_000, our_domain="robot.example.org")


@pytest.mark.parametrize(
    ("head", "reverse_path", "rule"),
    [
        (PERSON, "", "bounce.null-reverse-path"),
        (f"Return-Path: <>\n{PERSON}", None, "bounce.null-reverse-path"),
        (f"Return-Path:   <>  \n{PERSON}", None, "bounce.null-reverse-path"),
        (f"Return-Path: <>\nReturn-Path: <ann@example.org>\n{PERSON}", None, "bounce.null-reverse-path"),
        (f"{PERSON}Content-Type: multipart/report; report-type=delivery-status", None, "bounce.delivery-status"),
        (
            f'{PERSON}Content-Type: Multipart/Report; boundary=b; Report-Type="Delivery-Status"',
            "ann@example.org",
            "bounce.delivery-status",
        ),
        (f"{PERSON}Content-Type: message/delivery-status", None, "bounce.delivery-status"),
        (f"{PERSON}Content-Type: multipart/report; boundary=b", None, "bounce.untyped-report"),
        (f"{PERSON}Content-Type: multipart/report; report-type=", None, "bounce.untyped-report"),
        ("From: MAILER-DAEMON@example.org\nX-Failed-Recipients: x@example.net", None, "bounce.failed-recipients"),
        ("From: Mail <Mailer-Daemon@example.org>\nX-Failed-Recipients: x@example.net", None, "bounce.failed-recipients"),
        ("From: MAILER-DAEMON (Mail System)\nX-Failed-Recipients: x@example.net", None, "bounce.failed-recipients"),
        ("From: <>\nX-Failed-Recipients: x@example.net", None, "bounce.failed-recipients"),
        ("X-Failed-Recipients: x@example.net", None, "bounce.failed-recipients"),
    ],
)
def test_bounces(head: str, reverse_path: str | None, rule: str) -> None:
    """Each sign of a bounce has its rule."""
    found = screened(head, reverse_path=reverse_path)
    assert (found.verdict, found.rule) == ("bounce", rule)
    assert found.reason.isprintable()


@pytest.mark.parametrize(
    ("head", "reverse_path"),
    [
        (f"Return-Path:\n{PERSON}", None),
        (f"Return-Path: <\n{PERSON}", None),
        (f"Return-Path: <ann@example.org>\nReturn-Path: <>\n{PERSON}", None),
        (f"Return-Path: <>\n{PERSON}", "ann@example.org"),
        (f"{PERSON}X-Failed-Recipients: x@example.net", None),
        (f"{PERSON}Subject: Undelivered Mail Returned to Sender", None),
        (f"{PERSON}Content-Type: text/plain\nContent-Type: multipart/report", None),
    ],
)
def test_no_bounces(head: str, reverse_path: str | None) -> None:
    """An unset, a lower or an overruled Return-Path is no null path, and a subject is no evidence."""
    assert screened(head, reverse_path=reverse_path).verdict == "human"


REPORT = "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r--"
BOUNCE = f"Return-Path: <>\nX-Failed-Recipients: x@example.net\n{REPORT}"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (PERSON, f"Why did this come back?\n\n> {BOUNCE}"),
        (PERSON, BOUNCE),
        (f"{PERSON}Content-Type: message/rfc822", BOUNCE),
        (
            f"{PERSON}Content-Type: multipart/mixed; boundary=b",
            f"--b\n\nWhy?\n--b\nContent-Type: message/rfc822\n\n{BOUNCE}\n--b--",
        ),
        (
            f"{PERSON}Content-Type: multipart/mixed; boundary=b",
            "--b\nContent-Type: multipart/report; boundary=r\n\n--r--\n--b--",
        ),
    ],
    ids=["quoted", "pasted", "forwarded whole", "forwarded with a question", "report inside"],
)
def test_person_with_a_bounce(head: str, body: str) -> None:
    """A person who quotes, pastes or forwards a bounce is a person."""
    assert screened(head, body).verdict == "human"
