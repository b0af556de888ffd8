"""Notifications of other mail servers: what is read in them, whom they name, and what people are told of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc import Address
from mailproc.forward.bounces.diagnoses import diagnosis
from mailproc.forward.bounces.reports import MAX_RECIPIENTS, Failed, is_ours, read_report
from mailproc.reading import read_message
from mailproc.testing import make_mail
from tests.servers.postfix import Postfix
from tests.servers.relay import RelayServer

REPORTS = Path(__file__).parents[2] / "testdata" / "reports"
NAMES = sorted(file.stem for file in REPORTS.glob("*.eml"))


def raw_of(name: str) -> bytes:
    """The bytes of a notification, in the form in which this mail system writes them."""
    return (REPORTS / f"{name}.eml").read_bytes()


def report_in(raw: bytes) -> tuple[Failed, ...] | None:
    """What is read in a mail."""
    return read_report(read_message(raw), raw)


def failed(address: str, *more: str, action: str = "failed") -> Failed:
    """A recipient with status, diagnostic and server."""
    return Failed(Address.parse(address), action, *more)


EXPECTED = {
    "postfix": (
        failed(
            "ann@example.net",
            "5.1.1",
            "550 5.1.1 <ann.new@example.net>: Recipient address rejected: User unknown in local recipient table",
            "store.example.net",
        ),
        failed("bob@example.net", "5.2.2", "552 5.2.2 <bob@example.net>: Quota exceeded", "store.example.net"),
    ),
    "exim": (
        failed(
            "dan@example.com",
            "5.0.0",
            "550-5.7.1 This mail is taken for spam. 550 5.7.1 See our pages.",
            "mx.example.com",
        ),
    ),
    "sendmail": (
        failed(
            "eve@slow.example.com",
            "4.4.1",
            "",
            "slow.example.com",
            action="delayed",
        ),
    ),
    "exchange": (
        failed(
            "fay@contoso.example",
            "5.1.10",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
    ),
    "gmail": (
        failed(
            "gil@busy.example",
            "4.7.28",
            "421-4.7.28 Gmail has detected an unusual rate of mail from your address.",
            "aspmx.l.google.com",
            action="delayed",
        ),
    ),
    "sloppy": (
        failed("hal@sloppy.example", "5.3.0"),
        failed("ida@sloppy.example", "", "there is no such mailbox"),
    ),
}

TOLD = {
    "postfix": [
        "no such user (550-5.1.1 from store.example.net)",
        "the mailbox is full (552-5.2.2 from store.example.net)",
    ],
    "exim": ["taken for spam (550-5.0.0 from mx.example.com)"],
    "sendmail": ["the server is out of reach (4.4.1 from slow.example.com)"],
    "exchange": ["no such user (550-5.1.10)"],
    "gmail": ["too much mail at once (421-4.7.28 from aspmx.l.google.com)"],
    "sloppy": ["failed (5.3.0)", "there is no such mailbox"],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_notification_is_read(name: str) -> None:
    """Those of the mail systems that there are, the last of them as careless as may be."""
    assert report_in(raw_of(name)) == EXPECTED[name]
    assert report_in(raw_of(name).replace(b"\r\n", b"\n")) == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_notification_is_told_in_few_words(name: str) -> None:
    """Why each did not get the mail, with the code and the server."""
    assert [diagnosis(each) for each in report_in(raw_of(name)) or ()] == TOLD[name]


def test_a_report_of_success_misses_nobody() -> None:
    """Delivered, relayed and expanded are no failures."""
    assert report_in(raw_of("sendmail").replace(b"Action: delayed", b"Action: relayed")) == ()


@pytest.mark.parametrize(
    ("status", "diagnostic", "host", "says"),
    [
        (
            "5.7.1",
            "550 5.7.1 Unauthenticated email is not accepted due to the domain's DMARC policy",
            "",
            "the sender's DMARC policy",
        ),
        ("5.7.26", "550-5.7.26 This mail is unauthenticated", "mx.google.com", "our mail proves no sender"),
        ("4.7.28", "421 4.7.28 slow down", "gmail-smtp-in.l.google.com", "too much mail at once"),
        ("5.7.1", "550 5.7.1 no, thanks", "gmail-smtp-in.l.google.com", "taken for spam"),
        ("5.7.0", "552 5.7.0 not this", "aspmx.l.google.com", "a file of a kind that is not taken"),
        ("5.7.1", "550 5.7.1 not from you (S3140)", "x.mail.protection.outlook.com", "our server is blocked"),
        ("5.7.1", "554 blocked using bl.example", "mx.example.com", "our server is blocked"),
        ("5.7.1", "554 your file is infected", "mx.example.com", "a virus in a file"),
        ("", "452 over quota", "mx.example.com", "the mailbox is full"),
        ("5.3.4", "552 too much", "mx.example.com", "the mail is too big"),
        ("4.7.0", "421 too many connections", "mx.example.com", "too much mail at once"),
        ("4.2.0", "450 greylisted for a while", "mx.example.com", "greylisted"),
        ("5.7.1", "550 looks like junk", "mx.example.com", "taken for spam"),
        ("5.6.0", "554 content rejected", "mx.example.com", "refused for what is in it"),
        ("5.0.0", "550 unknown user", "mx.example.com", "no such user"),
        ("5.2.1", "550 gone", "mx.example.com", "the mailbox is not available"),
        ("5.1.2", "", "", "no such domain"),
        ("5.4.6", "", "", "the mail goes in circles"),
        ("4.4.2", "", "", "the server is out of reach"),
        ("5.5.0", "550 I do not like you", "mx.example.com", "550 I do not like you"),
    ],
)
def test_what_servers_say_is_put_into_few_words(status: str, diagnostic: str, host: str, says: str) -> None:
    """Words that nobody knows stand as they are."""
    assert diagnosis(failed("ann@example.com", status, diagnostic, host)).partition(" (")[0] == says.partition(" (")[0]


def test_a_diagnosis_is_one_bounded_line() -> None:
    """What a hostile server says steers no terminal and fills no page."""
    raw = (
        raw_of("postfix")
        .replace(b"Quota exceeded", b"\x1b[2J" + b"x" * 100_000)
        .replace(b"552 5.2.2", b"")
        .replace(b"5.2.2", b"5.0.0")
    )
    report = report_in(raw)
    assert report is not None and len(report[1].diagnostic) == 1000
    told = diagnosis(report[1])
    assert "\x1b" not in told and len(told) < 300


@pytest.mark.parametrize(
    "raw",
    [
        make_mail(
            to="bounces@lists.example.org", subject="Undelivered Mail Returned to Sender", text="Final-Recipient: rfc822; a@b"
        ),
        make_mail(to="bounces@lists.example.org", text="See", attachments=[("report.eml", raw_of("postfix"))]),
        raw_of("postfix").replace(b"report-type=delivery-status", b"report-type=disposition-notification"),
        raw_of("postfix").replace(b"multipart/report", b"multipart/mixed"),
        raw_of("postfix").replace(b"Final-Recipient", b"Recipient").replace(b"Original-Recipient", b"X-Recipient"),
        raw_of("postfix").replace(b"message/delivery-status", b"text/plain"),
        raw_of("exchange").replace(b"Action: failed", b"").replace(b"Status: 5.1.10", b""),
        b"",
        b"\0" * 1000,
    ],
)
def test_what_is_no_report_is_none(raw: bytes) -> None:
    """What a person quotes, forwards or pastes, receipts, and what says nothing about anybody."""
    assert report_in(raw) is None


def test_a_part_in_base64_is_read() -> None:
    """Some gateways encode what they must not."""
    import base64

    raw = raw_of("postfix")
    start = raw.index(b"Reporting-MTA")
    end = raw.index(b"\r\n--=_postfix", start)
    encoded = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(raw[start:end])
    mangled = raw[: start - 2] + encoded + raw[end:]
    assert report_in(mangled) == EXPECTED["postfix"]


def test_only_a_returned_mail_of_ours_is_ours() -> None:
    """Our marks count in the trace fields of the mail that is returned, and not in the words of anybody."""
    raw = raw_of("postfix")
    assert is_ours(raw, ["<choir.lists.example.org>"])
    assert is_ours(raw, ["nobody's", "by lists.example.org (mailproc)"])
    assert is_ours(raw_of("exim"), ["<REHEARSAL-1@mail.example.com>"])
    assert not is_ours(raw, ["<board.lists.example.org>", ""])
    assert not is_ours(raw, ["At seven", "Carol"])
    assert not is_ours(raw.replace(b"List-Id: ", b"X-Quoted: "), ["<choir.lists.example.org>"])
    assert not is_ours(
        raw_of("sloppy").replace(b"Sorry.", b"List-Id: <choir.lists.example.org>"), ["<choir.lists.example.org>"]
    )
    assert not is_ours(raw, [])


def blocks(number: int) -> bytes:
    """A notification that names many."""
    block = b"Final-Recipient: rfc822; a@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    return raw_of("sloppy").replace(b"Final-Recipient: <hal", block * number + b"Final-Recipient: <hal")


@pytest.mark.parametrize(
    "raw",
    [
        blocks(20_000),
        raw_of("postfix").replace(b"Reporting-MTA", b"\r\n" * 500_000 + b"Reporting-MTA"),
        raw_of("postfix").replace(b"Reporting-MTA", (b" " * 78 + b"\r\n") * 12_000 + b"Reporting-MTA"),
        raw_of("postfix").replace(b"Status: 5.1.1", b"Status: " + b"5." * 500_000),
        raw_of("postfix").replace(b"rfc822; ann.new", b"(" * 500_000),
        raw_of("postfix").replace(b"dns; store", b"(" * 250_000 + b";" * 250_000),
        raw_of("postfix").replace(b"Diagnostic-Code: smtp", b"Diagnostic-Code: " + b"\t" * 500_000),
    ],
    ids=["recipients", "blank lines", "blanks", "status", "comments", "types", "tabs"],
)
def test_a_hostile_report_is_read_in_time(raw: bytes) -> None:
    """A megabyte of anything costs less than a second, and nobody is told of more than a thousand recipients."""
    started = time.monotonic()
    report = report_in(raw)
    assert is_ours(raw, ["a mark of nobody"]) is False
    if report is not None:
        assert len([diagnosis(each) for each in report]) <= MAX_RECIPIENTS
    assert time.monotonic() - started < 2


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_report_is_read(data: st.DataObject) -> None:
    """Whatever is cut out of a notification or put into it, it is a report or none, and never an error."""
    raw = raw_of(data.draw(st.sampled_from(NAMES)))
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 200)))
    found = report_in(raw[:start] + data.draw(st.binary(max_size=40)) + raw[end:])
    assert all(diagnosis(each).isprintable() for each in found or ())


@pytest.fixture(scope="module")
def returned() -> Iterator[bytes]:
    """What a real Postfix returns of a mail to two whom the next server refuses."""
    with RelayServer() as relay:
        relay.refuse["ann@example.com"] = "550 5.1.1 no such user here"
        relay.refuse["bob@example.com"] = "552 5.2.2 mailbox full"
        with Postfix({}, "", relay_port=relay.port) as postfix:
            mail = make_mail(to="choir@lists.example.org", headers={"List-Id": "<choir.lists.example.org>"})
            postfix.send("bounces@lists.example.org", ["ann@example.com", "bob@example.com"], mail)
            postfix.wait_for("from=<>")
            until = time.monotonic() + 20
            while not (told := [each.data for each in relay.received if each.mail_from == ""]) and time.monotonic() < until:
                time.sleep(0.02)
        yield told[0]


def test_the_bounce_of_a_real_postfix_is_read(returned: bytes) -> None:
    """As Debian's writes it today."""
    report = report_in(returned)
    assert report is not None
    assert {(str(each.recipient), each.action, each.status) for each in report} == {
        ("ann@example.com", "failed", "5.1.1"),
        ("bob@example.com", "failed", "5.2.2"),
    }
    assert is_ours(returned, ["<choir.lists.example.org>"])
    assert "no such user (550-5.1.1 from 127.0.0.1)" in map(diagnosis, report)
