"""STARTTLS and implicit TLS: what is offered, what is forgotten, and handshakes that fail."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Any

import pytest

from mailproc.smtpd.limits import Limits
from tests.smtpd.dialogue import Scripted, Server, client_context, session, start_mailproc

PLAIN = "AUTH PLAIN AGFubgBzZWNyZXQ="  # ann, secret
FAILED = "421 4.7.6 TLS handshake failed"


def after_starttls(server: Server, *lines: str) -> list[str]:
    """What is said to these lines inside of TLS, after STARTTLS."""
    with server.greeted("EHLO x", "STARTTLS") as client:
        client.start_tls()
        return client.say_all(*lines)


def test_starttls_is_offered_once_and_done_once(tls: ssl.SSLContext) -> None:
    """Inside of TLS everything begins anew (RFC 3207 section 4.2), and the reception knows of it."""
    reception = Scripted()
    with start_mailproc(reception, tls_context=tls) as server:
        offered = session(server, "EHLO x")[1]
        replies = after_starttls(server, "MAIL FROM:<>", "EHLO x", "STARTTLS", "MAIL FROM:<>", "RCPT TO:<a@b.example>")
    assert "250-STARTTLS" in offered
    assert replies[0] == "503 Error: send HELO first"
    assert "STARTTLS" not in replies[1]
    assert replies[2:] == ["503 5.5.1 TLS already active", "250 OK", "250 OK"]
    assert reception.asked[0][0].tls


def test_what_is_said_in_clear_behind_starttls_is_forgotten(tls: ssl.SSLContext) -> None:
    """Neither commands nor a message that somebody else has put there get an answer."""
    reception = Scripted()
    with start_mailproc(reception, tls_context=tls) as server, server.greeted("EHLO x") as client:
        client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nevil\r\n.\r\n")
        assert client.reply() == "220 Ready to start TLS"
        client.start_tls()
        assert client.say("NOOP") == "250 OK"
        assert client.say("RCPT TO:<a@b.example>") == "503 Error: send HELO first"
    assert (reception.asked, reception.messages) == ([], [])


def test_much_that_is_said_in_clear_behind_starttls_holds_no_place(tls: ssl.SSLContext) -> None:
    """aiosmtpd stops reading where it is too much, and would wait for the handshake without hearing of it."""
    with start_mailproc(tls_context=tls) as server:
        with server.greeted("EHLO x") as client:
            client.send(b"STARTTLS\r\n" + b"x" * 5000)
            assert client.reply() == "220 Ready to start TLS"
        server.wait_until_empty()


@pytest.mark.parametrize("octets", [b"EHLO x\r\n" * 2, b"GET / HTTP/1.1\r\n\r\n"])
def test_a_client_that_speaks_no_tls_is_told(octets: bytes, tls: ssl.SSLContext) -> None:
    """In clear, which it reads; then its connection is closed, and nothing is left to the event loop."""
    reception = Scripted()
    with start_mailproc(reception, tls_context=tls) as server:
        with server.greeted("EHLO x", "STARTTLS") as client:
            client.send(octets)
            assert client.reply() == FAILED
            assert client.closed()
        server.wait_until_empty()
        assert server.problems == []
    assert reception.bugs == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_a_client_whose_tls_is_refused_gets_an_alert(tls: ssl.SSLContext) -> None:
    """It would not understand words in clear."""
    old = client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with start_mailproc(tls_context=tls) as server, start_mailproc(tls=tls) as implicit:
        with server.greeted("EHLO x", "STARTTLS") as client, pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            client.start_tls(old)
        with implicit.client() as client, pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            client.start_tls(old)
        server.wait_until_empty()
        implicit.wait_until_empty()
        assert server.problems == implicit.problems == []


@pytest.mark.parametrize("rst", [False, True])
@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01"])
def test_a_client_that_goes_away_in_a_handshake_leaves_no_session(octets: bytes, rst: bool, tls: ssl.SSLContext) -> None:
    """By a reset, too, of which aiosmtpd's session never hears."""
    reception = Scripted()
    with start_mailproc(reception, tls_context=tls) as server, start_mailproc(reception, tls=tls) as implicit:
        for one, lines in ((server, ("EHLO x", "STARTTLS")), (implicit, ())):
            with one.greeted(*lines) if lines else one.client() as client:
                client.send(octets)
                one.wait_until(lambda one=one: one.census.seats)
                if rst:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.wait_until_empty()
            assert one.problems == []
    assert reception.bugs == []


def test_a_handshake_takes_no_longer_than_the_session_may(tls: ssl.SSLContext) -> None:
    """A client that never says a word of TLS loses its place."""
    limits = Limits(session=0.1)
    with start_mailproc(tls_context=tls, limits=limits) as server, server.greeted("EHLO x", "STARTTLS") as client:
        server.wait_until_empty()
        assert client.closed()
        assert server.problems == []


def test_a_handshake_of_implicit_tls_has_its_time(tls: ssl.SSLContext) -> None:
    """Whoever says nothing at all may have expected words in clear, and gets some."""
    with start_mailproc(tls=tls, limits=Limits(handshake=0.1)) as server:
        with server.client() as client:
            assert client.reply() == FAILED
            assert client.closed()
        server.wait_until_empty()


def test_implicit_tls_offers_auth_and_no_starttls(tls: ssl.SSLContext) -> None:
    """And accepts it; the reception knows the user and that there is TLS."""
    reception = Scripted(logins={"ann": "secret"})
    with start_mailproc(reception, tls=tls, tls_context=tls, require_starttls=True) as server:
        lines = ("EHLO x", PLAIN, "STARTTLS", "MAIL FROM:<>", "RCPT TO:<a@b.example>")
        replies = session(server, *lines, tls=client_context())
        assert "STARTTLS" not in session(server, "HELP", tls=client_context())[1]
    assert "250-AUTH LOGIN PLAIN" in replies[1]
    assert "STARTTLS" not in replies[1]
    assert replies[2:] == ["235 2.7.0 Authentication successful", "503 5.5.1 TLS already active", "250 OK", "250 OK"]
    caller = reception.asked[0][0]
    assert (caller.tls, caller.user) == (True, "ann")


def test_connections_with_implicit_tls_are_counted_before_their_handshake(tls: ssl.SSLContext) -> None:
    """One too many is closed; without TLS it could be told nothing."""
    with start_mailproc(tls=tls, limits=Limits(connections=1)) as server:
        with server.client(), server.client() as second:
            assert second.closed()
        server.wait_until_empty()
        assert session(server, tls=client_context()) == ["220 mx.example.org test"]


def test_a_bug_in_a_hook_of_starttls_refuses_what_comes(tls: ssl.SSLContext) -> None:
    """It is recorded, and the client is not left waiting."""

    class Broken:
        def handle_STARTTLS(self, *_: Any) -> bool:  # noqa: N802
            raise ValueError("secret")

    reception = Scripted()
    with start_mailproc(reception, handler=Broken(), tls_context=tls) as server:
        assert after_starttls(server, "EHLO x") == ["554 Command refused due to lack of security"]
        server.wait_until(lambda: reception.bugs)
        assert server.problems == []


def test_a_message_of_many_lines_comes_through_tls(tls: ssl.SSLContext) -> None:
    """And a client that ends its side gets no reply inside of TLS, but leaves nothing behind."""
    reception = Scripted()
    with start_mailproc(reception, tls=tls) as server:
        with server.greeted("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA", tls=client_context()) as client:
            assert client.say(b"0123456789\r\n" * 20_000 + b".") == "250 OK"
        server.wait_until_empty()
        assert server.problems == []
    assert len(reception.messages[0][3]) == 240_000
