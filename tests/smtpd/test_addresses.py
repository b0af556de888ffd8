"""Paths: what is none, and how the others come to the reception."""

from __future__ import annotations

import pytest

from mailproc.smtpd import Caller
from tests.smtpd.dialogue import Scripted, session, start_aiosmtpd, start_mailproc

MALFORMED = "553 5.1.3 Error: malformed address"


def test_the_null_path_is_empty() -> None:
    """aiosmtpd calls it ``<>``; addresses have no brackets, whatever the client wrote."""
    reception = Scripted()
    with start_mailproc(reception) as server:
        recipients = ("RCPT TO: bob@example.org", "RCPT TO:<@relay.example:carl@example.org>")
        session(server, "EHLO x", "MAIL FROM:<>", *recipients, "DATA", ".")
    assert reception.messages[0][1:3] == ("", ["bob@example.org", "carl@example.org"])
    assert [path for _, path, _ in reception.asked] == ["", ""]


def test_the_null_path_is_no_recipient() -> None:
    """aiosmtpd takes it, also where its handler has no opinion."""
    lines = ("EHLO x", "MAIL FROM:<>", "RCPT TO:<>", "DATA")
    with start_aiosmtpd() as server:
        assert session(server, *lines)[3] == "250 OK"
    for options in ({}, {"handler": object()}):
        reception = Scripted()
        with start_mailproc(reception, **options) as server:
            assert session(server, *lines)[3:] == ["501 5.1.3 Recipient is no address", "503 Error: need RCPT command"]
        assert reception.asked == []


def test_an_address_beyond_ascii_is_utf_8() -> None:
    """Any other octets are no address (RFC 6531)."""
    reception = Scripted()
    with start_mailproc(reception) as server:
        replies = session(
            server,
            "EHLO x",
            b"MAIL FROM:<j\xfcrgen@example.net> SMTPUTF8",
            "MAIL FROM:<j\u00fcrgen@example.net> SMTPUTF8",
            b"RCPT TO:<\xc3@example.org>",
            "RCPT TO:<\u7528\u6237@example.org>",
        )
    assert replies[2:] == ["553 5.6.7 Address is not valid UTF-8", "250 OK", "553 5.6.7 Address is not valid UTF-8", "250 OK"]
    assert reception.asked[0][1:] == ("j\u00fcrgen@example.net", "\u7528\u6237@example.org")


@pytest.mark.parametrize(
    "path",
    [
        "<",
        "<@",
        '"',
        "<a@b",
        "(" * 400,
        "<a@b.example",
        "[",
        "<a\x1b[2J@b.example>",
        '<"a\tb"@c.example>',
        "<a\u2028@b.example>",
    ],
)
def test_what_the_parser_stumbles_over_is_malformed_or_taken(path: str) -> None:
    """It is never a bug of ours, and no control character comes through."""
    reception = Scripted()
    with start_mailproc(reception) as server:
        replies = session(server, "EHLO x", f"MAIL FROM:{path}", "RSET", "MAIL FROM:<>", f"RCPT TO:{path}")
    assert {replies[2], replies[5]} <= {MALFORMED, "250 OK"}
    assert all(text.isprintable() for _, *texts in reception.asked for text in texts)
    assert reception.bugs == []


def test_aiosmtpd_tells_of_its_parsers_errors() -> None:
    """What is mended here."""
    with start_aiosmtpd() as server:
        assert session(server, "EHLO x", "MAIL FROM:<")[2] == "500 Error: (IndexError) string index out of range"


@pytest.mark.parametrize("size", ["SIZE=x SIZE=1", "SIZE=1 SIZE=x", "SIZE=" + "9" * 200, "SIZE=", "SIZE", "SIZE=-1"])
def test_any_size_is_told_as_by_aiosmtpd(size: str) -> None:
    """The last of several counts, whatever the others are."""
    lines = ("EHLO x", f"MAIL FROM:<a@b.example> {size}")
    reception = Scripted()
    with start_mailproc(reception) as server, start_aiosmtpd() as bare:
        assert session(server, *lines) == session(bare, *lines)
    assert reception.bugs == []


def test_a_size_of_superscript_digits_is_no_size() -> None:
    """For Python it is of digits, and no number."""
    lines = ("EHLO x", "MAIL FROM:<a@b.example> SIZE=\u00b2")
    with start_mailproc() as server, start_aiosmtpd() as bare:
        assert session(bare, *lines)[2].startswith("500 Error: (ValueError)")
        assert session(server, *lines)[2] == "501 Syntax: MAIL FROM: <address> [SP <mail-parameters>]"


@pytest.mark.parametrize("line", [b"NOOP\rNOOP", b"NOOP\0", b"NOOP\nNOOP", b"MAIL FROM:<a\r@b.example>"])
def test_a_command_with_a_bare_cr_lf_or_nul_is_none(line: bytes) -> None:
    """A line ends by CRLF alone (RFC 5321 section 2.3.8); what follows a bare LF is a line of its own."""
    with start_mailproc() as server, server.greeted("EHLO x") as client:
        client.send(line + b"\r\n")
        client.send(b"RSET\r\n")
        assert client.reply() == "500 Error: bad syntax"
        assert client.reply() == "250 OK"


def test_what_a_client_calls_itself_is_text() -> None:
    """Octets that are no UTF-8 are replaced, so that it can be stored."""
    reception = Scripted()
    with start_mailproc(reception) as server:
        session(server, b"EHLO \xff\xc3\xbc", "MAIL FROM:<>", "RCPT TO:<bob@example.org>")
    caller = reception.asked[0][0]
    assert caller == Caller("127.0.0.1", user=None, tls=False, helo="\ufffd\u00fc", protocol="smtp")
