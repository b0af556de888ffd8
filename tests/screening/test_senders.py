"""Who claims to have written a mail."""

from __future__ import annotations

import pytest

from mailproc.reading import read_message
from mailproc.screening import Evidence
from mailproc.screening.senders import from_daemon, from_mail_system, from_robot


def evidence(head: str, reverse_path: str | None = "ann@example.org") -> Evidence:
    """A mail with these header lines."""
    return Evidence(read_message(f"{head}\nX: y\n\n".encode()), reverse_path, 1, 1, "x")


DAEMONS = [
    "Mail Delivery System",
    "MAILER-DAEMON",
    "<MAILER-DAEMON>",
    "mailer-daemon@example.org",
    "MAILER-DAEMON@example.org (Mail Delivery System)",
    "(daemon) MAILER-DAEMON@example.org",
    '"MAILER-DAEMON" <x@example.org>',
    "Mailer Daemon <x@example.org>",
    "Mail Delivery Subsystem <x@example.org>",
    '"Mail  Delivery\tSubsystem" <>',
    "mail delivery system <x@example.org>",
    "=?utf-8?q?Mail_Delivery_System?= <x@example.org>",
    "=?utf-8?q?Mail_Delivery?= =?utf-8?q?_System?= <x@example.org>",
    '"=?utf-8?q?Mail_Delivery_System?=" <x@example.org>',
    f"(x) Mail Delivery{' ' * 900} System <x@example.org>",
]
POSTMASTERS = [
    "postmaster@example.org",
    "Ann <Postmaster@example.org>",
    "MDaemon@example.org",
    "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org",
]
NOBODY = ["", "<>", "<@>", '"Courier mail server at x" <@>', "undisclosed", "System Administrator"]
PEOPLE = [
    "ann@example.org",
    "Mail Delivery Subsystem Team <ann@example.org>",
    "Ann (MAILER-DAEMON) <ann@example.org>",
    "Ann <ann@mailer-daemon>",
    "mailer-daemons@example.org",
    "XMAILER-DAEMONX@example.org",
    "The Postmaster <ann@example.org>",
    "postmasters@example.org",
    "Ann <ann@postmaster.example.org>",
    "Mail Delivery System, Ann <ann@example.org>",
]


@pytest.mark.parametrize("author", DAEMONS)
def test_daemons(author: str) -> None:
    """A mailer daemon has the name in its address or before it."""
    assert from_daemon(evidence(f"From: {author}"))
    assert from_mail_system(evidence(f"From: {author}"))


@pytest.mark.parametrize("author", [*POSTMASTERS, *NOBODY])
def test_mail_systems(author: str) -> None:
    """A postmaster and nobody may be a mail system, but are no daemon."""
    assert not from_daemon(evidence(f"From: {author}"))
    assert from_mail_system(evidence(f"From: {author}"))


@pytest.mark.parametrize("author", PEOPLE)
def test_people(author: str) -> None:
    """Everybody else may be a person."""
    assert not from_daemon(evidence(f"From: {author}"))
    assert not from_mail_system(evidence(f"From: {author}"))


def test_one_of_several_authors_is_enough() -> None:
    """A mail with several From fields is none that a person's program writes."""
    assert from_daemon(evidence("From: ann@example.org\nFrom: MAILER-DAEMON"))
    assert from_mail_system(evidence("From: ann@example.org\nFrom: postmaster@example.org"))
    assert from_robot(evidence("From: ann@example.org\nFrom: no-reply@example.org"))


def test_sender_counts_without_from_alone() -> None:
    """Lists and relays write their own address into Sender; it is looked at where there is no From."""
    assert from_daemon(evidence("Sender: MAILER-DAEMON@example.org"))
    assert not from_mail_system(evidence("Sender: MAILER-DAEMON@example.org\nFrom: ann@example.org"))
    assert not from_mail_system(evidence("Sender: ann@example.org"))
    assert from_mail_system(evidence("Subject: x"))


def test_a_name_is_cut() -> None:
    """Of a field that is longer than a line may be, the end is not looked at."""
    assert from_daemon(evidence(f"From: {' ' * 5}Mail Delivery System{'(' + 'x' * 960 + ')'}<x@example.org>"))
    assert not from_daemon(evidence(f"From: ann@example.org{' ' * 1000}<MAILER-DAEMON>"))
    assert from_daemon(evidence(f"From: {'x' * 983} <MAILER-DAEMON"))
    assert not from_daemon(evidence(f"From: {'x' * 984} <MAILER-DAEMON"))


@pytest.mark.parametrize(
    ("path", "system"),
    [("", True), ("mailer-daemon@example.net", True), ("#@[]", True), ("bob@example.net", False), (None, False)],
)
def test_the_path_of_a_mail_system(path: str | None, system: bool) -> None:
    """The null path and a daemon's are a mail system's, whatever From says."""
    assert from_mail_system(evidence("From: ann@example.org", path)) is system


@pytest.mark.parametrize(
    ("local", "robot"),
    [
        ("no-reply", True),
        ("NoReply", True),
        ("no_reply", True),
        ("no.reply", True),
        ("no-reply-7", True),
        ("do-not-reply", True),
        ("donotreply", True),
        ("do_not_reply", True),
        ("do.not.reply", True),
        ("notification", True),
        ("notifications", True),
        ("notice", True),
        ("notices", True),
        ("ann", False),
        ("replyx", False),
        ("noreplyx", False),
        ("noticed", False),
        ("mynotice", False),
        ("reply", False),
    ],
)
def test_robots(local: str, robot: bool) -> None:
    """An address that nobody reads says so in its local part."""
    assert from_robot(evidence(f"From: Ann <{local}@example.org>")) is robot
    assert from_robot(evidence(f"From: Ann <{local}@example.org>", ""))
