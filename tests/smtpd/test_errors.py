"""Bugs, and things that are away, as the client sees them."""

from __future__ import annotations

import gc
import logging
import socket
import struct
from typing import Any

import pytest

from mailproc.errors import Away
from mailproc.reply import Reply
from tests.smtpd.dialogue import Scripted, Server, session, start_aiosmtpd, start_mailproc

RECORDED = "451 4.3.0 Internal error, recorded as (OOPS-TEST-1)"
BEGIN = ("EHLO client.example.net", "MAIL FROM:<ann@example.net>", "RCPT TO:<bob@example.org>")
MESSAGE = (*BEGIN, "DATA", "Subject: x\r\n\r\n.")


class Broken:
    """A handler of aiosmtpd's with a bug."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        """Raise what must not be told."""
        raise ValueError("secret path /etc/x")


class Speechless(Broken):
    """One that has a hook for exceptions, which forgets to answer."""

    async def handle_exception(self, error: Exception) -> None:
        """Answer nothing."""


class Clumsy(Broken):
    """One whose hook for exceptions breaks, too."""

    async def handle_exception(self, error: Exception) -> str:
        """Raise."""
        raise RuntimeError("secret, too")


class WellSpoken(Broken):
    """One whose hook for exceptions answers."""

    async def handle_exception(self, error: Exception) -> str:
        """Answer."""
        return "454 4.3.0 Our cat is on the keyboard"


def test_aiosmtpd_tells_a_bug_to_the_client_and_keeps_the_envelope() -> None:
    """What is mended here: a permanent code, the text of the exception, and a session that is stuck."""

    class Failing:
        async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802
            raise ValueError("secret path /etc/x")

    with start_aiosmtpd(Failing()) as server:
        replies = session(server, *BEGIN, BEGIN[1])
    assert replies[3:] == ["500 Error: (ValueError) secret path /etc/x", "503 Error: nested MAIL command"]


def test_a_bug_at_rcpt_is_a_temporary_error_with_an_id() -> None:
    """The text of the exception is recorded and not told, the envelope is forgotten, and the session goes on."""
    bug = ValueError("secret path /etc/x")
    reception = Scripted(recipients={"bob@example.org": bug})
    with start_mailproc(reception) as server:
        replies = session(server, *BEGIN, "MAIL FROM:<ann@example.net>", "RCPT TO:<carl@example.org>")
    assert replies[3:] == [RECORDED, "250 OK", "250 OK"]
    assert reception.bugs == [bug]


def test_a_bug_after_the_dot_is_a_temporary_error_with_an_id() -> None:
    """The next message of the session is taken."""
    reception = Scripted(answers=[KeyError("secret")])
    with start_mailproc(reception) as server:
        replies = session(server, *MESSAGE, *MESSAGE[1:])
    assert [replies[5], replies[-1]] == [RECORDED, "250 OK"]
    assert len(reception.messages) == 2


@pytest.mark.parametrize("oops", ["", RuntimeError("the disk is full, too")])
def test_a_bug_that_cannot_be_recorded_has_no_id(oops: str | Exception) -> None:
    """The client is told the same without one."""
    with start_mailproc(Scripted(answers=[KeyError("secret")], oops=oops)) as server:
        assert session(server, *MESSAGE, "NOOP")[5:] == ["451 4.3.0 Internal error", "250 OK"]


def test_a_connection_that_somebody_else_has_reset_is_a_bug_like_others() -> None:
    """aiosmtpd would take it for the client's, and close that without a reply."""
    reset = ConnectionResetError("by the database")
    reception = Scripted(recipients={"bob@example.org": reset}, login_error=reset)
    with start_mailproc(reception, auth_require_tls=False) as server:
        replies = session(server, *BEGIN, "AUTH PLAIN AGFubgBzZWNyZXQ=", "NOOP")
    assert replies[3:] == [RECORDED, RECORDED, "250 OK"]
    assert reception.bugs == [reset, reset]


def test_what_is_away_is_a_temporary_error_and_no_bug() -> None:
    """Nothing is recorded for it, at RCPT and after the dot alike."""
    reception = Scripted(recipients={"bob@example.org": Away("the database is away")}, answers=[Away("so is the archive")])
    with start_mailproc(reception) as server:
        replies = session(server, *BEGIN, BEGIN[1], "RCPT TO:<carl@example.org>", *MESSAGE[3:])
    assert replies[3] == replies[-1] == "451 4.3.0 Not possible now, try again later"
    assert reception.bugs == []


@pytest.mark.parametrize("handler", [Broken(), Speechless(), Clumsy()])
def test_a_bug_of_anybodys_handler_is_told_alike(handler: Any) -> None:
    """Also where the handler's own hook for exceptions is of no use, after which aiosmtpd would leave the client waiting."""
    reception = Scripted()
    with start_mailproc(reception, handler=handler) as server:
        assert session(server, *MESSAGE, "NOOP")[5:] == [RECORDED, "250 OK"]
    assert isinstance(reception.bugs[0], ValueError)


def test_a_handlers_own_words_for_an_exception_are_kept() -> None:
    """Its reply is sent, and the bug is recorded nevertheless."""
    reception = Scripted()
    with start_mailproc(reception, handler=WellSpoken()) as server:
        assert session(server, *MESSAGE)[5] == "454 4.3.0 Our cat is on the keyboard"
    assert len(reception.bugs) == 1


@pytest.mark.parametrize("answer", [None, 250, "", "OK", "999 what", "25"])
def test_an_answer_that_is_no_reply_is_a_bug(answer: Any) -> None:
    """A forgotten return must not leave a client waiting."""

    class Forgetful:
        async def handle_DATA(self, *_: Any) -> Any:  # noqa: N802
            return answer

    reception = Scripted()
    with start_mailproc(reception, handler=Forgetful()) as server:
        assert session(server, *MESSAGE, "NOOP")[5:] == [RECORDED, "250 OK"]
    assert isinstance(reception.bugs[0], TypeError)


@pytest.mark.parametrize("replies", [[], [Reply(250, "", "one"), Reply(250, "", "two")]])
def test_a_wrong_number_of_replies_is_a_bug(replies: list[Reply]) -> None:
    """An SMTP door gets exactly one."""
    reception = Scripted(answers=[replies])
    with start_mailproc(reception) as server:
        assert session(server, *MESSAGE)[5] == RECORDED


def test_a_client_that_goes_away_is_no_bug() -> None:
    """Neither before its reply nor in the middle of a message."""
    reception = Scripted()
    with start_mailproc(reception) as server:
        for lines in ((), ("EHLO x",), (*BEGIN, "DATA")):
            with server.greeted(*lines) as client:
                client.send(b"half a line")
        session(server, "NOOP")
        _assert_quiet(server)
    assert reception.bugs == []


def test_a_connection_that_is_reset_is_nobodys_exception() -> None:
    """Nothing of it is told when the server ends, as asyncio does of an error that nobody has fetched."""
    with start_mailproc() as server:
        for lines in ((), ("EHLO x",)) * 5:
            with server.greeted(*lines) as client:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session(server, "NOOP")
    gc.collect()
    _assert_quiet(server)


def _assert_quiet(server: Server) -> None:
    assert server.problems == []


def test_what_a_client_does_wrong_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """aiosmtpd warns of it, in the client's own octets."""
    with start_mailproc() as server:
        session(server, "EHLO x", b"\x1b[2JFOO\x85", b"\x1b[2JFOO", b"MAIL FROM:<\xe2\x80\xaea@b.example>")
    assert [record for record in caplog.records if record.levelno > logging.INFO or "FOO" in record.getMessage()] == []
