"""The mails that an outcome sends."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailproc.address import Address
from mailproc.answers import (
    Answering,
    Composed,
    Original,
    Text,
    Unsendable,
    check_sendable,
    compose,
    load_texts,
)
from mailproc.answers.fields import LONGEST_SUBJECT
from mailproc.errors import SettingsError
from mailproc.outcome import Disposition, Mail, Outcome
from mailproc.reading.display import one_line
from mailproc.submission import Relay
from tests.servers.relay import RelayServer

NOW = datetime(2026, 11, 21, 5, 24, 37, tzinfo=UTC)
ID = "OOPS-1KQ3F-7X2M-9ZT4C"
ANN = Address("ann", "example.com")
BOB = Address("bob", "example.net")
RAW = b"From: Ann <ann@example.com>\r\nTo: notes@example.org\r\nSubject: A note\r\n\r\nhello\r\n"
ANSWERING = Answering("Mail Robot <robot@example.org>", "postmaster@example.org", "mail.example.org", load_texts())
HANDLED, REJECTED, FAILED = Disposition.HANDLED, Disposition.REJECTED, Disposition.FAILED
HOSTILE = st.text(st.characters() | st.sampled_from('\r\n\x00\x1b\u2028=?<>@,:"\\ ')) | st.sampled_from(
    [
        "x\r\nBcc: eve@example.net",
        "=?utf-8?q?x=0D=0ABcc:_eve=40example.net?=",
        "=?utf-8?b?eA0KQmNjOiBldmVAZXhhbXBsZS5uZXQ=?=",
        "<a@b>\n\nbody",
        "<=?utf-8?q?=0ASubject:_two?=@b>",
        "<[]>",
        "x\u2028To: eve@example.net",
        "x\x85\x1c\x0bTo: y",
        "a" * 5000,
        "ä" * 5000,
        "<" + "a" * 240 + "@b> " * 500,
    ]
)


def note(**changes: Any) -> Original:
    """A plain mail of Ann's, with ``changes``."""
    facts: dict[str, Any] = {
        "raw": RAW,
        "size": len(RAW),
        "recipient": "notes@example.org",
        "receipt_id": "r1",
        "author": ANN,
        "subject": "A note",
        "message_id": "<n1@example.com>",
        "references": "<m1@example.com> <m2@example.com>",
    }
    return Original(**(facts | changes))


def composed(outcome: Outcome, original: Original | None = None, **options: Any) -> list[Composed]:
    """The mails of ``outcome`` where an answer is allowed."""
    options = {"now": NOW, "answerable": True, "oops_id": ID} | options
    return compose(options.pop("answering", ANSWERING), original or note(), outcome, **options)


def one(outcome: Outcome, original: Original | None = None, **options: Any) -> EmailMessage:
    """The only mail of ``outcome``, parsed back."""
    [only] = composed(outcome, original, **options)
    return parsed(only)


def parsed(mail: Composed) -> EmailMessage:
    """A mail as the standard library reads it."""
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def reply(text: str = "done", subject: str | None = None) -> Outcome:
    """An outcome with an answer, as `Delivery.reply` makes it."""
    return Outcome(HANDLED, send=(Mail(ANN, subject, text, answer=True),))


def test_answer_has_the_marks_of_an_answer() -> None:
    """Null reverse path, threading, loop mark and the fields that tell other machines to be silent (RFC 3834)."""
    [mail] = composed(reply("Danke\n"))
    message = parsed(mail)
    assert (mail.reverse_path, mail.recipient, mail.answer) == ("", "ann@example.com", True)
    assert dict(message.items()) == {
        "From": "Mail Robot <robot@example.org>",
        "To": "ann@example.com",
        "Subject": "Re: A note",
        "Date": "Sat, 21 Nov 2026 05:24:37 +0000",
        "Message-ID": mail.message_id,
        "X-Loop": "mailproc/mail.example.org",
        "MIME-Version": "1.0",
        "In-Reply-To": "<n1@example.com>",
        "References": "<m1@example.com> <m2@example.com> <n1@example.com>",
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
    }
    assert message.get_content().replace("\r\n", "\n") == "Danke\n"


def test_mail_to_others_is_no_answer() -> None:
    """It is auto-generated, and what cannot be delivered comes back to our From address, not to the null path."""
    [mail] = composed(Outcome(HANDLED, send=(Mail(BOB, "News", "text"),)), answerable=False)
    message = parsed(mail)
    assert (mail.reverse_path, mail.recipient, mail.answer) == ("robot@example.org", "bob@example.net", False)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Loop"] == ANSWERING.mark
    assert message["In-Reply-To"] is None
    assert (message["To"], message["Subject"]) == ("bob@example.net", "News")


@pytest.mark.parametrize(
    ("original", "given_subject", "subject"),
    [
        ("A note", None, "Re: A note"),
        ("RE: A note", None, "RE: A note"),
        ("", None, "Re: your mail"),
        ("A note", "Yours", "Yours"),
        ("A note", "", ""),
        ("Größe", None, "Re: Größe"),
    ],
)
def test_subject_of_an_answer(original: str, given_subject: str | None, subject: str) -> None:
    """It is Re: and the original's, unless the handler gives one."""
    assert one(reply(subject=given_subject), note(subject=original))["Subject"] == subject


def test_message_id_is_stable_and_ours() -> None:
    """The same mail of the same receipt has the same id at any time; another one has another."""
    ids = {composed(reply(), now=now)[0].message_id for now in (NOW, datetime.now(UTC))}
    assert len(ids) == 1
    assert re.fullmatch(r"<mailproc\.[0-9a-f]{32}@mail\.example\.org>", *ids)
    others = [
        composed(reply(), note(receipt_id="r2"))[0].message_id,
        *(mail.message_id for mail in composed(Outcome(HANDLED, send=(Mail(BOB, "a", "a"), Mail(BOB, "b", "b"))))),
        composed(Outcome(REJECTED, "no"))[0].message_id,
        composed(Outcome(FAILED, "bug"))[0].message_id,
        composed(Outcome(FAILED, "bug"), oops_id="OOPS-1KQ3F-7X2M-9ZT4D")[0].message_id,
    ]
    assert len({*ids, *others}) == 7


def test_references_are_bounded() -> None:
    """Of a long thread the first and the latest are kept, and the parent is last and not twice."""
    chain = [f"<{n}@example.com>" for n in range(10_000)]
    message = one(reply(), note(references=" ".join(chain), message_id="<9999@example.com>"))
    kept = message["References"].split()
    assert len(kept) == 20
    assert (kept[0], kept[-2:]) == ("<0@example.com>", ["<9998@example.com>", "<9999@example.com>"])


@pytest.mark.parametrize("message_id", ["", "<[]>", "<", "no brackets", "<a b@c>", "<a\r\nX: y>", "<=?x?q?=0A?=>", "<é@b>"])
def test_unusable_message_id_is_left_out(message_id: str) -> None:
    """An answer to a mail without a proper Message-ID goes out without threading, or with what is proper of it."""
    message = one(reply(), note(message_id=message_id))
    assert message["In-Reply-To"] == ("<[]>" if message_id == "<[]>" else None)


def test_rejection_tells_why() -> None:
    """The reason stands in a text part of at most 72 columns, the commands that failed above it, the original behind it."""
    reason = "There is no such notebook, and here is why. " * 5
    outcome = Outcome(REJECTED, reason, failing_commands=("affects foo", "tag \x1b[31m" + "x" * 600))
    message = one(outcome)
    assert message.get_content_type() == "multipart/mixed"
    assert message["Subject"] == "Your mail was not accepted"
    assert message["Auto-Submitted"] == "auto-replied"
    text, original = message.iter_parts()
    body = text.get_content().replace("\r\n", "\n")
    assert "\n\nFailing command:\n    affects foo\n    tag [31mxxx" in body
    assert "Error message:\n\nThere is no such notebook" in body
    assert re.sub(r"\s+", " ", reason).strip() in re.sub(r"\s+", " ", body)
    assert all(len(line) <= 72 for line in body.split("\n") if not line.startswith("    tag"))
    assert "\n-- \n" in body and "postmaster@example.org" in body
    assert original.get_content_type() == "message/rfc822"
    enclosed = original.get_content()
    assert (enclosed["From"], enclosed["Subject"]) == ("Ann <ann@example.com>", "A note")


def test_no_failing_command_leaves_no_gap() -> None:
    """Without commands there is no word of them."""
    text, _ = one(Outcome(REJECTED, "no")).iter_parts()
    body = text.get_content().replace("\r\n", "\n")
    assert "Failing" not in body
    assert "\n\n\n" not in body


def test_too_large_mail_tells_sizes_and_gives_little_back() -> None:
    """Size and limit are told in MB, and never as equal; 8 KiB of the original go back."""
    large = note(raw=RAW + b"x\r\n" * 20_000, size=55_000_000)
    message = one(Outcome(REJECTED, "too big", "too-big"), large)
    text, original = message.iter_parts()
    assert message["Subject"] == "Your mail was too large"
    assert "55 MB" in text.get_content()
    assert "26.2 MB" in text.get_content()
    assert len(original.as_bytes()) < 8192 + 500
    barely, _ = one(Outcome(REJECTED, "too big"), note(size=ANSWERING.max_size + 1)).iter_parts()
    assert "26.3 MB" in barely.get_content()


def test_long_original_is_cut() -> None:
    """An error mail has at most 64 KiB of the original, and says that it is cut."""
    long = note(raw=RAW + b"x" * 70 + b"\r\n" * 90_000, size=180_000)
    [mail] = composed(Outcome(REJECTED, "no"), long)
    assert 65_000 < len(mail.raw) < 70_000
    assert b"the first 65536 octets of your mail" in mail.raw


def test_oops_mail_cites_the_id_and_no_reason() -> None:
    """The id stands whole on a line of the raw mail; what went wrong stays with us."""
    [mail] = composed(Outcome(FAILED, "KeyError in the handler of /srv/secret"))
    assert f"    {ID}".encode() in mail.raw.split(b"\r\n")
    assert b"KeyError" not in mail.raw
    assert parsed(mail)["Subject"] == "Your mail could not be processed"
    assert "sorry" in next(parsed(mail).iter_parts()).get_content()


@given(st.text(st.sampled_from("aä =\n."), max_size=200), st.text(st.sampled_from("aä =\n."), max_size=200))
def test_oops_id_survives_any_text_of_the_operator(before: str, after: str) -> None:
    """Wherever an operator's text puts it, the id is whole on one line of the raw mail."""
    texts = load_texts()
    own = replace(texts, oops=Text("Oops", f"{before} $oops {after}"))
    answering = Answering("robot@example.org", "admin@example.org", "example.org", own)
    [mail] = composed(Outcome(FAILED, "x"), answering=answering)
    assert any(ID.encode() in line for line in mail.raw.split(b"\r\n"))


@pytest.mark.parametrize(
    "outcome",
    [reply(), Outcome(REJECTED, "no"), Outcome(FAILED, "bug"), Outcome(HANDLED, send=(Mail(None, "a", "b"),))],
)
def test_nothing_goes_to_the_sender_where_no_answer_is_allowed(outcome: Outcome) -> None:
    """Also not a mail that does not call itself an answer but is for "the sender"."""
    assert composed(outcome, answerable=False) == []
    assert len(composed(outcome)) == 1


def test_drop_and_deferral_send_no_answer() -> None:
    """Who is dropped hears nothing, and what is deferred has not ended; mail to others goes out with a drop."""
    answer, other = Mail(None, None, "a", answer=True), Mail(BOB, "b", "b")
    assert [mail.recipient for mail in composed(Outcome(Disposition.DROPPED, send=(answer, other)))] == [str(BOB)]
    assert composed(Outcome(Disposition.DEFERRED, send=(other,))) == []


def test_failure_without_an_oops_is_not_answered() -> None:
    """There is no id to cite."""
    assert composed(Outcome(FAILED, "x"), oops_id=None) == []


@pytest.mark.parametrize(
    ("outcome", "complaint"),
    [
        (Outcome(HANDLED, send=(Mail(None, "", "", answer=True), Mail(ANN, "", "", answer=True))), "at most one answer"),
        (Outcome(REJECTED, "no", send=(Mail(None, "", "", answer=True),)), "at most one answer"),
        (Outcome(HANDLED, send=(Mail(BOB, "", "", answer=True),)), "nobody else"),
        (Outcome(HANDLED, send=(Mail(Address("a b", "example.com"), "", ""),)), "no mail can be sent to 'a b@example.com'"),
        (Outcome(HANDLED, send=(Mail(Address("x\r\nDATA", "c"), "", ""),)), "no mail can be sent"),
    ],
)
def test_what_cannot_be_sent_is_a_bug_of_the_handler(outcome: Outcome, complaint: str) -> None:
    """It is found while the handler's writes can still be undone."""
    with pytest.raises(Unsendable, match=complaint) as error:
        check_sendable(outcome, ANN)
    assert "\n" not in str(error.value)
    with pytest.raises(Unsendable, match=complaint):
        composed(outcome)


@pytest.mark.parametrize(
    ("sender", "admin", "domain", "complaint"),
    [
        ("robot", "a@example.org", "example.org", r"\[smtp\] from"),
        ("a@example.org, b@example.org", "a@example.org", "example.org", r"\[smtp\] from"),
        ("", "a@example.org", "example.org", r"\[smtp\] from"),
        ("Röbot <röbot@example.org>", "a@example.org", "example.org", r"\[smtp\] from"),
        ("robot@example.org", "the admin", "example.org", r"\[smtp\] admin"),
        ("robot@example.org", "a@example.org", "exam ple", "our domain"),
        ("robot@example.org", "a@example.org", "", "our domain"),
    ],
)
def test_unusable_addresses_stop_the_start(sender: str, admin: str, domain: str, complaint: str) -> None:
    """The key is named, and an example given."""
    with pytest.raises(SettingsError, match=complaint):
        Answering(sender, admin, domain, load_texts())


def test_our_own_address_is_known_with_a_subaddress() -> None:
    """Mail from robot+anything is from us too, in any case."""
    assert ANSWERING.is_ours(Address("Robot+x", "EXAMPLE.org"))
    assert not ANSWERING.is_ours(ANN)


@pytest.mark.parametrize("name", ["Röbot, der Große", 'the "robot"', "a" * 200, "=?utf-8?q?=0D=0ABcc:x?=", "Ö" * 90])
def test_display_name_is_written_whole(name: str) -> None:
    """A name with commas, quotes, umlauts, or of any length names one mailbox."""
    quoted = '"' + name.replace('"', '\\"') + '"'
    message = one(reply(), answering=Answering(f"{quoted} <robot@example.org>", "a@example.org", "example.org", load_texts()))
    assert [address.addr_spec for address in message["From"].addresses] == ["robot@example.org"]
    assert "Bcc" not in message


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.binary(max_size=300))
@example("=?utf-8?q?a=0ABcc:_x?=" * 20, "", "", "", "", b"")
def test_no_header_is_injected(subject: str, message_id: str, references: str, recipient: str, reason: str, raw: bytes) -> None:
    """Whatever a mail holds, what we send parses back to one From, To and Subject, ours, and to the parts that we made."""
    original = note(subject=subject, message_id=message_id, references=references, recipient=recipient, raw=raw)
    outcomes = [
        Outcome(HANDLED, send=(Mail(None, None, reason, answer=True), Mail(BOB, subject, reason))),
        Outcome(REJECTED, reason, failing_commands=(subject, reason)),
        Outcome(FAILED, reason),
    ]
    for mail in (mail for outcome in outcomes for mail in composed(outcome, original)):
        _assert_well_formed(mail)


def _assert_well_formed(mail: Composed) -> None:
    lines = mail.raw.split(b"\r\n")
    assert mail.raw.isascii() and b"\0" not in mail.raw
    assert all(len(line) <= 998 and not set(line) & set(b"\r\n") for line in lines)
    message = parsed(mail)
    names = [name.lower() for name in message.keys()]  # noqa: SIM118 - its iterator is not documented
    allowed = {"from", "to", "subject", "date", "message-id", "x-loop", "mime-version", "in-reply-to", "references"}
    allowed |= {"auto-submitted", "x-auto-response-suppress", "content-type", "content-transfer-encoding"}
    assert set(names) <= allowed
    assert len(set(names)) == len(names)
    assert [address.addr_spec for address in message["From"].addresses] == ["robot@example.org"]
    assert [address.addr_spec for address in message["To"].addresses] == [mail.recipient]
    assert message["Message-ID"] == mail.message_id
    assert "\n" not in message["Subject"] and "\r" not in message["Subject"]
    if message.is_multipart():
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "message/rfc822"]
    text = message if not message.is_multipart() else next(iter(message.iter_parts()))
    assert text["Content-Transfer-Encoding"] in ("7bit", "quoted-printable")


@given(HOSTILE)
def test_subject_arrives_as_it_was(subject: str) -> None:
    """On one line; also one that looks like an encoded word is read as what it is."""
    assert one(reply(subject=subject))["Subject"] == one_line(subject, LONGEST_SUBJECT)


def test_text_of_a_handler_arrives_as_it_was() -> None:
    """Umlauts, long lines, dots and trailing blanks reach the reader through a real server."""
    text = "Grüße\n.\n..two\n" + "lang " * 300 + "\nFrom here \n\nend "
    [mail] = composed(reply(text))
    with RelayServer() as server, Relay(server.host, server.port, timeout=5) as relay:
        assert [each.kind for each in relay.send(mail.reverse_path, [mail.recipient], mail.raw)] == ["sent"]
    [received] = server.received
    assert received == ("", ["ann@example.com"], mail.raw)
    message = email.message_from_bytes(received.data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.get_content().replace("\r\n", "\n") == text + "\n"


def test_smuggled_end_of_mail_is_no_second_mail() -> None:
    """An original made to end our mail early arrives as a part of one mail."""
    evil = b"Subject: x\n\n\n.\nMAIL FROM:<eve@example.net>\n\r.\rRCPT TO:<x@example.com>\r\n.\r\nDATA\n\0.\xff\n"
    [mail] = composed(Outcome(REJECTED, "no"), note(raw=evil))
    with RelayServer() as server, Relay(server.host, server.port, timeout=5) as relay:
        assert [each.kind for each in relay.send(mail.reverse_path, [mail.recipient], mail.raw)] == ["sent"]
    assert [data for _, _, data in server.received] == [mail.raw]
