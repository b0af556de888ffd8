"""Replies as they go out: valid lines, and at an LMTP door one for each recipient."""

from __future__ import annotations

from typing import Any

import pytest

from mailproc.reply import Reply
from mailproc.smtpd.replies import replies_of
from tests.smtpd.dialogue import Scripted, session, start_aiosmtpd, start_mailproc

MESSAGE = ("MAIL FROM:<ann@example.net>", "RCPT TO:<bob@example.org>", "RCPT TO:<carl@example.org>", "DATA")


@pytest.mark.parametrize(
    ("status", "count", "replies"),
    [
        ("250 OK", 1, [["250 OK"]]),
        (b"250 OK", 1, [["250 OK"]]),
        ("250", 1, [["250"]]),
        ("250-mx", 1, [["250-mx"]]),  # aiosmtpd sends the lines of a greeting one by one
        ("250-mx\r\n250 HELP", 1, [["250-mx", "250 HELP"]]),
        ("250 OK", 2, [["250 OK"], ["250 OK"]]),
        ("250 one\r\n550-two\r\n550 lines", 2, [["250 one"], ["550-two", "550 lines"]]),
        ("550 no <a\r\n250 OK> here", 1, [["550 no <a 250 OK> here"]]),
        ("550 no <a\r\nb>", 2, [["550 no <a b>"]] * 2),
        ("550-no <a\r\n250 OK>", 1, [["550 no <a 250 OK>"]]),
        ("550 caf\u00e9 \x1b[2J\nx\ry\0z", 1, [["550 caf   [2J x y z"]]),
        ("550 " + "x" * 600, 1, [["550 " + "x" * 506]]),
        ("334 ", 1, [["334 "]]),
        ("334 " + "A" * 600, 1, [["334 " + "A" * 600]]),
    ],
)
def test_what_goes_out(status: str | bytes, count: int, replies: list[list[str]]) -> None:
    """Whole replies keep their line ends, and every other line end is somebody's data."""
    assert replies_of(status, count) == replies


@pytest.mark.parametrize(
    ("status", "count"), [(None, 1), (250, 1), ("", 1), ("OK", 1), ("25 x", 1), ("250x", 1), ("250 a\r\n250 b", 3)]
)
def test_what_is_no_reply(status: Any, count: int) -> None:
    """It is a bug of whoever has answered it."""
    with pytest.raises(TypeError, match=r"^(a reply is|2 replies for 3)"):
        replies_of(status, count)


def test_a_reply_of_unfit_text_is_one_line_of_ascii() -> None:
    """Where aiosmtpd would raise, or send a line of the client's as one of its own."""
    told = Reply(550, "5.1.1", "gr\u00fc\u00dfe\r\n250 OK, <\x1b[1m>")
    reception = Scripted(recipients={"bob@example.org": told})
    with start_mailproc(reception, enable_SMTPUTF8=False) as server:
        replies = session(server, "EHLO x", *MESSAGE[:2], "NOOP")
    assert replies[3:] == ["550 5.1.1 gr e 250 OK, < [1m>", "250 OK"]


def test_a_command_that_is_told_back_holds_no_controls() -> None:
    """aiosmtpd tells unknown verbs and addresses back."""
    with start_mailproc() as server:
        replies = session(server, "EHLO x", b"\x1b[2JFOO", b"VRFY \xff@@<")
    assert replies[2:] == ['500 Error: command " [2JFOO" not recognized', "502 Could not VRFY  @@<"]


class TwoLines:
    """A handler of aiosmtpd's that answers two lines."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        """Answer the first recipient, and the second."""
        return "250 2.0.0 one\r\n550 5.1.1 two"


def dialogue_of_lmtp(server: Any, *content: bytes) -> list[str]:
    """What LMTP says to these contents for two recipients, and then to NOOP."""
    with server.greeted("LHLO x") as client:
        lines = []
        for octets in content:
            client.say_all(*MESSAGE)
            client.send(octets + b"\r\n.\r\n")
            lines += [client.reply(), client.reply()]
        return [*lines, client.say("NOOP x")]


def test_aiosmtpd_answers_once_for_two_recipients() -> None:
    """What is mended here: the client of LMTP waits for ever for the second reply."""
    with start_aiosmtpd(lmtp=True) as server, server.greeted("LHLO x", timeout=0.2) as client:
        client.say_all(*MESSAGE)
        client.send(b"x\r\n.\r\n")
        assert client.reply() == "250 OK"
        with pytest.raises(TimeoutError):
            client.reply()


def test_lmtp_answers_each_recipient() -> None:
    """Each reply is true for its recipient, in their order."""
    answers = [[Reply(250, "2.0.0", "one"), Reply(451, "4.3.0", "two")], Reply(250, "", "both")]
    with start_mailproc(Scripted(answers=answers), lmtp=True) as server:
        assert dialogue_of_lmtp(server, b"x", b"y") == ["250 2.0.0 one", "451 4.3.0 two", "250 both", "250 both", "250 OK"]


def test_lmtp_answers_each_recipient_by_anybodys_handler() -> None:
    """A hook may answer as many lines as there are recipients, or one for all."""
    with start_mailproc(handler=TwoLines(), lmtp=True) as server:
        assert dialogue_of_lmtp(server, b"x") == ["250 2.0.0 one", "550 5.1.1 two", "250 OK"]


@pytest.mark.parametrize(
    ("content", "reply"),
    [
        (b"x" * 2000, "500 Line too long (see RFC5321 4.5.3.1.6)"),
        (b"x" * 1000, "500 Line too long (see RFC5321 4.5.3.1.6)"),
        (b"0123456789\r\n" * 100, "552 Error: Too much mail data"),
        (b"a\nb", "554 5.6.0 Message has a bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8)"),
    ],
)
def test_lmtp_answers_each_recipient_of_a_refused_message(content: bytes, reply: str) -> None:
    """Also with the replies that are aiosmtpd's own."""
    with start_mailproc(lmtp=True, data_size_limit=1100) as server:
        assert dialogue_of_lmtp(server, content) == [reply, reply, "250 OK"]


@pytest.mark.parametrize("answer", [RuntimeError("secret"), [Reply(250, "", "only one")]])
def test_lmtp_answers_each_recipient_after_a_bug(answer: Any) -> None:
    """Also where the number of replies was the bug."""
    with start_mailproc(Scripted(answers=[answer]), lmtp=True) as server:
        recorded = "451 4.3.0 Internal error, recorded as (OOPS-TEST-1)"
        assert dialogue_of_lmtp(server, b"x") == [recorded, recorded, "250 OK"]


def test_lmtp_knows_only_its_own_greeting() -> None:
    """EHLO and HELO are SMTP's, and LHLO is not (RFC 2033 section 4.1)."""
    with start_mailproc(lmtp=True) as server:
        replies = session(server, "EHLO x", "HELO x", "MAIL FROM:<a@b.example>", "LHLO x")
    assert replies[1:4] == [
        '500 Error: command "EHLO" not recognized',
        '500 Error: command "HELO" not recognized',
        "503 Error: send HELO first",
    ]
    assert replies[4].endswith("250 HELP")
    with start_mailproc() as server:
        assert session(server, "LHLO x")[1] == '500 Error: command "LHLO" not recognized'
