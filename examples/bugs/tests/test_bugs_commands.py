"""What each command does to a bug, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bugs.models import Bug, Subscription, Tag
from sqlalchemy.orm import InstrumentedAttribute

from mailproc.testing import Delivered, PostOffice

BOB = "Bob@example.com"

Write = Callable[..., Delivered]
Told = Callable[[Delivered], str]
Now = Callable[[], Bug]
Said = Callable[[], list[tuple[str, str]]]
Names = Callable[[InstrumentedAttribute[str]], list[str]]


CHANGES = """\
 summary "The Gate"
 private yes
 status IN-PROGRESS
 importance: high
 duplicate no
 tag door gate -door gate -gate gate
 assignee me
 assignee bob
 assignee BOB@example.com
 assignee nobody
 subscribe bob
 unsubscribe
"""


def test_commands_change_a_bug(write: Write, bug: Now, said: Said, names: Names) -> None:
    """Each is written down, too."""
    assert write("1", CHANGES).reason == "commands: 12"
    now = bug()
    assert (now.title, now.private, now.status, now.importance) == ("The Gate", True, "in-progress", "high")
    assert (now.assignee, now.duplicate_of, names(Tag.name)) == (None, None, ["gate"])
    assert names(Subscription.person) == ["bob"]
    assert [text for _, text in said()[1:]] == [
        "summary: The Gate",
        "private: yes",
        "status: in-progress",
        "importance: high",
        "duplicate: no",
        "tags: door gate -door gate -gate gate",
        "assignee: ann",
        "assignee: bob",
        "assignee: bob",
        "assignee: nobody",
        "subscribed: bob",
        "unsubscribed: ann",
    ]


FAILURES = {
    "status burnt": 'It takes new, confirmed, in-progress, fixed or wont-fix, and not "burnt".',
    "status": "It is written: status new|confirmed|in-progress|fixed|wont-fix (for example: status new).",
    "importance": "(for example: importance undecided)",
    "summary The door": '(for example: summary "The door squeaks")',
    'summary "The door': "A quotation mark is not closed",
    'summary ""': "A bug needs a title",
    "assignee eve": 'Nobody called "eve" has ever written to this tracker.',
    "assignee cid@example.com": 'Nobody called "cid@example.com" has ever written',
    "subscribe bob ann": "It is written: subscribe [NAME|me]",
    "unsubscribe bob": "bob is not subscribed.",
    "duplicate 1": "A bug can be a duplicate of another one only",
    "duplicate x": 'It takes a number or no, and not "x".',
    "duplicate 7": "There is no bug 7.",
    "tag -red": 'The bug has no tag "red".',
    "tag a/b": '"a/b" is no tag',
    "tag": "It is written: tag TAG [MORE ...] (for example: tag printer paper).",
}


def test_a_command_that_fails_says_why(write: Write, told: Told, bug: Now, said: Said) -> None:
    """All of them in one mail; the others are carried out, and the comment stays."""
    commands = "".join(f" {command}\n" for command in FAILURES)
    delivered = write("1", f"Well.\n{commands} assignee me\n")
    assert delivered.disposition == "rejected"
    assert f"Failing command: {' '.join(FAILURES)} Error message: " in told(delivered)
    for command, expected in FAILURES.items():
        _, _, text = told(delivered).partition(f" {command}: ")
        assert expected in text[:200], command
    assert "Everything else in your mail was carried out: commented, commands: 1." in told(delivered)
    assert bug().assignee == "ann"
    assert said()[1:] == [("ann", "Well."), ("ann", "assignee: ann")]


def test_what_was_carried_out_is_told_to_subscribers(write: Write, told: Told, bug: Now, names: Names) -> None:
    """Also where another command has failed, of which they hear nothing."""
    write("1", " subscribe bob")
    delivered = write("1", " status burnt\n tag door\n importance none\n")
    assert "Failing command: status burnt importance none Error message:" in told(delivered)
    assert names(Tag.name) == ["door"]
    (mail,) = [mail for mail in delivered.sent if not mail.answer]
    assert (mail.to, "tags: door" in mail.text, "burnt" in mail.text) == (BOB, True, False)


@pytest.mark.parametrize(("command", "expected"), [("private perhaps", "yes or no"), ("bug 9", "There is no bug 9.")])
def test_what_stops_undoes_all(write: Write, told: Told, bug: Now, said: Said, command: str, expected: str) -> None:
    """The comment, the commands before it and those behind it: nobody is told of them."""
    write("1", " subscribe bob")
    delivered = write("1", f"Well.\n status burnt\n status fixed\n {command}\n importance high\n")
    assert expected in told(delivered)
    assert f"Failing command: status burnt {command} Error" in told(delivered)
    assert "Nothing in your mail was carried out." in told(delivered)
    assert (bug().status, bug().importance, len(said()), len(delivered.sent)) == ("new", "undecided", 2, 1)


def test_who_may_do_what(write: Write, told: Told, bug: Now, names: Names) -> None:
    """Who has neither reported a bug nor works on it may neither hide it nor unsubscribe others."""
    assert "may say who sees it" in told(write("1", " private yes", sender=BOB))
    assert "may unsubscribe others" in told(write("1", " unsubscribe ann", sender=BOB))
    assert write("1", " assignee bob").disposition == "handled"
    assert write("1", " private yes\n unsubscribe ann\n", sender=BOB).disposition == "handled"
    assert (bug().private, names(Subscription.person)) == (True, ["bob"])
    assert write("1", "I still see it, for it is mine.").disposition == "handled"


def test_a_subscriber_sees_a_private_bug(write: Write, bug: Now) -> None:
    """As long as they are one."""
    write("1", " private yes\n subscribe bob\n")
    assert write("1", "x", sender=BOB).disposition == "handled"
    assert write("1", " unsubscribe\n", sender=BOB).disposition == "handled"
    assert write("1", "y", sender=BOB).reason == "There is no bug 1."


def test_several_bugs_are_edited(write: Write, told: Told, bug: Now) -> None:
    """Each group of commands is for the bug above it; the text of the mail is no comment."""
    write("new", "It hums.", subject="The lamp")
    delivered = write("edit", "Hello\n bug 1\n status fixed\n bug 2\n duplicate 1\n tag lamp -LAMP\n", subject="Hello")
    assert (delivered.disposition, delivered.reason) == ("handled", "commands: 5")
    assert bug().status == "fixed"
    assert "duplicate of another one only" in told(write("1", " duplicate 2"))


def test_a_bug_is_opened_by_a_command(write: Write, told: Told, bug: Now, office: PostOffice, said: Said) -> None:
    """At edit@, once in a mail; the subject is its title."""
    assert "can open one bug" in told(write("1", " bug new"))
    assert "can open one bug" in told(write("edit", "It hums.\n bug new\n bug new\n", subject="The lamp"))
    assert write("edit", "It hums.\n bug new\n private yes\n", subject="The lamp").disposition == "handled"
    with office.session() as session:
        lamp = session.get_one(Bug, 2)
        assert (lamp.title, lamp.private) == ("The lamp", True)
    assert said()[1:] == [("ann", "It hums."), ("ann", "private: yes")]


def test_edit_takes_commands_for_bugs(write: Write, told: Told, office: PostOffice) -> None:
    """Without one, or without a bug that it is for, there is nothing to do; the largest number fits into the column."""
    assert "There is no command in your mail." in told(write("edit", "Hello"))
    unsaid = told(write("edit", " status fixed"))
    assert 'It is not said for which bug this is: a line like "bug 7" must stand before it.' in unsaid
    for number in ("999999999", "0"):
        assert f"There is no bug {number}." in told(write("edit", f" bug {number}"))
