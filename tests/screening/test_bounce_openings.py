"""How the notices of mail systems begin, where nothing else tells them."""

from __future__ import annotations

import pytest

from mailproc.reading import read_message
from mailproc.screening import Screened, screen
from tests.cost import within


def screened(text: str, author: str = "postmaster@example.org") -> Screened:
    """What a mail with this text is."""
    raw = f"From: {author}\n\n{text}".encode()
    return screen(read_message(raw), reverse_path=None, size=1, max_size=1, our_domain="x")


OPENINGS = [
    "Hi. This is the qmail-send program at mail.example.org.",
    f"Hi. This is the {'x' * 40} program at",
    "This message was created automatically by mail delivery software.",
    "This is the mail system at host mail.example.org.",
    "This is the Postfix program at host mail.example.org.",
    "The original message was received at Mon, 2 Nov 2026 09:00:00 GMT",
    "   ----- The following addresses had permanent fatal errors -----",
    "   ----- The following addresses had transient non-fatal errors -----",
    "Your message did not reach some or all of the intended recipients.",
    "Your message\n\n  To: ann\n\ndid not reach the following recipient(s):",
    "Your message\n\n  Subject: hello\n\nwas not delivered to:",
    f"Your message\nTo:{'x' * 999} was not delivered",
    "Delivery has failed to these recipients or groups:",
    "Delivery has failed to these recipients or distribution lists:",
    "This is an automatically generated Delivery Status Notification.",
    "Delivery to the following recipient failed permanently:",
    "Delivery to the following recipients failed.",
    "Delivery to the following recipient has been delayed:",
    "This is a delivery status notification from mail.example.org,",
    "Message from example.org.\nUnable to deliver message to the following address(es).",
    f"Message from {'x' * 100}.\nUnable to deliver message to",
    "Sorry, we were unable to deliver your message to the following address.",
    "The attached message had PERMANENT fatal delivery errors!",
    "The attached message had TRANSIENT non-fatal delivery errors!",
    "MailEnable: Message could not be delivered to some recipients.",
    "Message could not be delivered to some recipients.",
    "The following recipient(s) could not be reached:",
    "The message that you sent was undeliverable to the following:",
    "------- Failure Reasons  --------",
    "This report relates to a message you sent with the following header fields:",
    "Your message:\n  From: ann\n  Subject: hello\nCould not be delivered because of\n\n550 5.1.1",
    "Message from InterScan Messaging Security Suite",
    "Unknown user: bob@example.org\n\n\nOriginal message follows.\n",
    "Unknown host: bob@example.org\n\n\nOriginal message follows.\n",
    "User mailbox exceeds allowed size: bob@example.org\n\nOriginal message follows.",
    "Invalid final delivery userid: bob@example.org\n\nOriginal message follows.",
    "Delivery failed 20 attempts: bob@example.org\n\nOriginal message follows.",
    "undeliverable to bob@example.org\nBody of message generated response:\n550 no\n\nOriginal message follows.",
]


@pytest.mark.parametrize("text", OPENINGS)
def test_openings(text: str) -> None:
    """Each is known in any case, behind rules and blanks, when a mail system wrote it; a person who pastes it is a person."""
    for written in (text, text.upper(), f"\n ** == __ --\n\n{text}"):
        found = screened(written)
        assert (found.verdict, found.rule) == ("bounce", "bounce.opening")
        assert found.reason == "it begins like the notice of a mail system"
        assert screened(written, "ann@example.org").verdict == "human"
    assert screened(text, "").rule == "bounce.opening"
    for quoted in (f"> {text}", f"Look:\n{text}", f"x{text}"):
        assert screened(quoted).verdict == "human"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi. This is the postmaster of example.org.",
        "Hi! This is the qmail-send program at",
        f"Hi. This is the {'x' * 41} program at",
        "Hi. This is the qmail-send programme",
        "This message was created automatically by mail delivery softwares",
        "This is the mail system at hosts",
        "This is the sendmail program at host x",
        "The original message was received at our relay",
        "The original message was received at ten, 2 of them",
        "The original message was received at Monday, 2 Nov",
        "The following addresses had other",
        "Your message did not reach some or all of the intended recipientsx",
        "Your message did not reach us.",
        "Your message to Ann was not delivered",
        "Your message\n\n  From: ann\n\ndid not reach",
        "Your message\n\n  To: ann\n\ndid not reached",
        f"Your message\nTo:{'x' * 1000} was not delivered",
        "Delivery has failed to these recipients",
        "Delivery has failed to these recipients or friends",
        "This is an automatically generated delivery status notifications",
        "Delivery to the following recipient succeeded",
        "This is a delivery status notification for you",
        "Message from ann, unable to deliver message to",
        f"Message from {'x' * 101}.\nUnable to deliver message to",
        "Sorry, we were unable to deliver your message on time",
        "The attached message had permanent delivery errors",
        "MailDisable: Message could not be delivered to some recipients",
        "The following recipients could not be reached",
        "The message that you sent was undeliverable to the followingx",
        "Failure reasons differ",
        "Failure reasons --",
        "This report relates to a message you sent",
        "Your message: it could not be delivered because of me",
        "Your messages:\n\nCould not be delivered because of",
        "Message from interscanned mail",
        "Unknown user: bob@example.org. What do you know of him?",
        "Unknown user: bob\n\nOriginal message follows.",
        "Delivery failed some attempts: bob@example.org\n\nOriginal message follows.",
        f"Unknown user: bob@example.org{' ' * 1901} original message follows.",
    ],
)
def test_a_postmaster_may_be_a_person(text: str) -> None:
    """What is near to a notice is none; postmasters write of such things."""
    assert screened(text).verdict == "human"


def test_only_the_beginning_is_looked_at() -> None:
    """A notice has two thousand characters to say what it is."""
    text = "This is the mail system at host"
    assert screened("-" * (2000 - len(text)) + text).verdict == "bounce"
    assert screened("-" * (2001 - len(text)) + text).verdict == "human"


@pytest.mark.parametrize(
    "text",
    ["-" * 2000, "your message" + " " * 2000, "message from " + "x" * 2000, "your message to:" * 125, "unknown user: a@" * 125],
)
def test_no_text_takes_long(text: str) -> None:
    """The search is linear on texts that are made for it."""
    within(0.01 * 20, lambda: [screened(text) for _ in range(20)])
