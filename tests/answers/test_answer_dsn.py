"""Delivery status notifications (RFC 3464): what they hold, whatever a mail server or a sender has written."""

from __future__ import annotations

import email
import email.policy
import time
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailproc.address import Address
from mailproc.answers import (
    Answering,
    Composed,
    Original,
    Undelivered,
    Unsendable,
    check_sendable,
    compose,
    compose_dsn,
    load_texts,
)
from mailproc.outcome import Disposition, Forward, Intent, Outcome
from mailproc.reading import read_header
from mailproc.reply import Reply

NOW = datetime(2026, 11, 21, 5, 24, 37, tzinfo=UTC)
ANN = Address("ann", "example.com")
RAW = b"From: Ann <ann@example.com>\r\nSubject: A note\r\nMessage-ID: <n1@example.com>\r\n\r\nsecret words\r\n"
ANSWERING = Answering("Mail Robot <robot@example.org>", "postmaster@example.org", "mail.example.org", load_texts())
NO_LIST = "There is no such list."
REJECTED = Outcome(Disposition.REJECTED, NO_LIST, "handler", reply=Reply(550, "5.1.1", NO_LIST), dsn=True)
HOSTILE = st.text(st.characters() | st.sampled_from("\r\n\x00\x1b\u2028=?<>@,: \\;"), max_size=300) | st.sampled_from(
    ["550 5.1.1\r\nAction: delivered", "x" * 5000, "ä" * 5000, "550 5.1.1.9.9 " + "y " * 900, "\ud800@example.net", ""]
)


def original(raw: bytes = RAW) -> Original:
    """A mail of Ann's to a list."""
    return Original.of(raw, read_header(raw), size=len(raw), recipient="list@example.org", receipt_id="r1", author=ANN)


def report(*undelivered: Undelivered, raw: bytes = RAW) -> Composed:
    """The report of these."""
    return compose_dsn(ANSWERING, original(raw), undelivered, serial="7", now=NOW)


def rejection(outcome: Outcome) -> Composed:
    """The error mail of a rejected message."""
    (mail,) = compose(ANSWERING, original(), outcome, now=NOW, answerable=True)
    return mail


def parsed(mail: Composed) -> EmailMessage:
    """A mail as the standard library reads it."""
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def recipients(mail: Composed) -> list[dict[str, str]]:
    """The fields of each recipient, in a report that has the three parts that it should have."""
    message = parsed(mail)
    assert (message.get_content_type(), message.get_param("report-type")) == ("multipart/report", "delivery-status")
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    about, *fields = parts[1].get_payload()
    assert dict(about.items()) == {"Reporting-MTA": "dns; mail.example.org"}
    return [dict(each.items()) for each in fields]


def test_a_rejection_may_be_a_report() -> None:
    """It names the address that the mail was for, the status of the reply and the reason, and gives back the header alone."""
    mail = rejection(REJECTED)
    assert recipients(mail) == [
        {
            "Final-Recipient": "rfc822; list@example.org",
            "Action": "failed",
            "Status": "5.1.1",
            "Diagnostic-Code": "x-mailproc; There is no such list.",
        }
    ]
    assert (mail.reverse_path, mail.recipient, mail.answer) == ("", "ann@example.com", True)
    message = parsed(mail)
    assert (message["Auto-Submitted"], message["X-Loop"]) == ("auto-replied", ANSWERING.mark)
    assert (message["In-Reply-To"], message["References"]) == ("<n1@example.com>", "<n1@example.com>")
    assert message["Subject"] == "Your mail was not delivered"
    assert b"secret" not in mail.raw and b"\r\nMessage-ID: <n1@example.com>\r\n\r\n--=_" in mail.raw


def test_a_rejection_without_a_reply_has_a_plain_status() -> None:
    """It is permanent; the commands that failed are told, too."""
    mail = rejection(Outcome(Disposition.REJECTED, "Größe", failing_commands=("frobnicate",), dsn=True))
    assert [(each["Status"], each["Diagnostic-Code"]) for each in recipients(mail)] == [("5.0.0", "x-mailproc; Gr??e")]
    text = next(parsed(mail).iter_parts()).get_content()
    assert "list@example.org: Größe" in text and "frobnicate" in text


@pytest.mark.parametrize(
    ("reason", "status", "told"),
    [
        ("550 5.1.1 no such user", "", "5.1.1"),
        ("550-5.1.1 no such user", "", "5.1.1"),
        ("550 no such user", "", "5.0.0"),
        ("550 5.1.1", "", "5.1.1"),
        ("550 2.0.0 odd", "", "5.0.0"),
        ("550 5.1.1.1 odd", "", "5.0.0"),
        ("451 4.3.0 later", "4.4.7", "4.4.7"),
        ("not sent: a bare LF", "5.6.0", "5.6.0"),
        ("550 x", "5.1.1\r\nX: y", "5.0.0"),
        ("5501 5.1.1 odd", "", "5.0.0"),
    ],
)
def test_the_status_is_one(reason: str, status: str, told: str) -> None:
    """The given one, or that of the reply, or 5.0.0 where there is none that is well-formed (RFC 3463 section 2)."""
    assert recipients(report(Undelivered("bob@example.net", reason, status)))[0]["Status"] == told


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        ("Bob@example.net", "rfc822; Bob@example.net"),
        ("j\xf6rg@example.net", "utf-8; j\\x{F6}rg@example.net"),
        ("a b\r\nX: y", "utf-8; a\\x{20}b\\x{0D}\\x{0A}X:\\x{20}y"),
    ],
)
def test_the_recipient_has_a_type(recipient: str, told: str) -> None:
    """What is not ASCII, or no address, is written as RFC 6533 section 3 has it."""
    assert recipients(report(Undelivered(recipient, "550 no")))[0]["Final-Recipient"] == told


@given(HOSTILE, HOSTILE, HOSTILE, st.binary(max_size=300))
@example("a\r\n\r\nFinal-Recipient: rfc822; x", "550 5.1.1\r\n\r\nAction: x", "", b"\r\r\n--=_\n\nbody")
def test_nothing_is_injected(recipient: str, reason: str, status: str, raw: bytes) -> None:
    """Whatever a server said and a mail holds, there is one group of fields for each recipient, in 7-bit lines."""
    mail = report(Undelivered(recipient, reason, status), Undelivered("bob@example.net", "550 no"), raw=raw)
    lines = mail.raw.split(b"\r\n")
    assert mail.raw.isascii() and b"\0" not in mail.raw
    assert all(len(line) <= 998 and not set(line) & set(b"\r\n") for line in lines)
    found = recipients(mail)
    assert [list(each) for each in found] == [["Final-Recipient", "Action", "Status", "Diagnostic-Code"]] * 2
    assert {each["Action"] for each in found} == {"failed"}


def test_a_large_original_costs_little() -> None:
    """Of a header without an end no more goes back than of a mail."""
    began = time.monotonic()
    mail = report(Undelivered("bob@example.net", "550 no"), raw=b"X: " + b"\r\n y" * 6_000_000)
    assert len(mail.raw) < 70_000
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("sendable", "complaint"),
    [
        (Forward("text", ("a@example.net",), ""), "as bytes"),  # type: ignore[arg-type]
        (Forward(RAW, ("a\0@example.net",), ""), "to or from"),
        (Forward(RAW, ("a@example.net",), "\ud800"), "to or from"),
        (Forward(RAW, ("\U0001f600" * 300,), ""), "to or from"),
        (Forward(RAW, (None,), ""), "to or from"),  # type: ignore[arg-type]
        ("a text", "a Mail, a Forward or an Intent"),
    ],
)
def test_what_cannot_be_kept_is_a_bug_of_the_handler(sendable: object, complaint: str) -> None:
    """It is found while its writes can still be undone, and not when all is committed."""
    with pytest.raises(Unsendable, match=complaint):
        check_sendable(Outcome(Disposition.HANDLED, send=(sendable,)), ANN)  # type: ignore[arg-type]


def test_what_smtp_cannot_carry_may_be_kept() -> None:
    """It is refused later, for that recipient alone."""
    check_sendable(Outcome(Disposition.HANDLED, send=(Forward(RAW, ("a b", "", "x"), ""), Intent({}))), ANN)
