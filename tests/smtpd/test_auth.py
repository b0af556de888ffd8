"""AUTH: who may ask, what the reception is asked, and what is away."""

from __future__ import annotations

import base64
import ssl
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, auth_mechanism

from tests.smtpd.dialogue import Scripted, session, start_aiosmtpd, start_mailproc


def encoded(text: str | bytes) -> str:
    """The base64 of a text."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def plain(name: str, password: str) -> str:
    """The one response of PLAIN (RFC 4616)."""
    return encoded(f"\0{name}\0{password}")


SUCCESS, INVALID = "235 2.7.0 Authentication successful", "535 5.7.8 Authentication credentials invalid"


def test_a_password_is_asked_about() -> None:
    """By PLAIN and LOGIN, in one line and in several; the reception's word decides."""
    reception = Scripted(logins={"ann": "secret"})
    ann, secret, both = encoded("ann"), encoded("secret"), plain("ann", "secret")
    with start_mailproc(reception, auth_require_tls=False) as server:
        for lines in (
            (f"AUTH PLAIN {both}",),
            ("AUTH PLAIN", both),
            ("AUTH LOGIN", ann, secret),
            (f"AUTH LOGIN {ann}", secret),
        ):
            assert session(server, "EHLO x", *lines)[-1] == SUCCESS
        assert session(server, "EHLO x", f"AUTH PLAIN {plain('ann', 'wrong')}", "MAIL FROM:<>")[2:] == [INVALID, "250 OK"]
    assert [tried[1:] for tried in reception.tried] == [
        *[("PLAIN", "ann", "secret")] * 2,
        *[("LOGIN", "ann", "secret")] * 2,
        ("PLAIN", "ann", "wrong"),
    ]


def test_the_user_is_known_until_the_connection_ends() -> None:
    """RSET and a new greeting leave it as it is; the password is kept nowhere."""
    reception = Scripted(logins={"ann": "secret"})
    lines = ("MAIL FROM:<>", "RCPT TO:<a@b.example>", "RSET")
    with start_mailproc(reception, auth_require_tls=False) as server:
        session(server, "EHLO x", *lines, f"AUTH PLAIN {plain('ann', 'secret')}", *lines, "EHLO x", *lines)
    assert [caller.user for caller, *_ in reception.asked] == [None, "ann", "ann"]


def test_a_password_is_not_asked_for_in_clear(tls: ssl.SSLContext) -> None:
    """AUTH is not offered before TLS, and refused with the reception unasked."""
    reception = Scripted(logins={"ann": "secret"})
    with start_mailproc(reception, tls_context=tls) as server:
        replies = session(server, "EHLO x", f"AUTH PLAIN {plain('ann', 'secret')}")
    assert "AUTH" not in replies[1]
    assert replies[2] == "538 5.7.11 Encryption required for requested authentication mechanism"
    assert reception.tried == []


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        (("AUTH PLAIN", "x" * 3000), "501 5.5.2 Can't decode base64"),
        (("AUTH PLAIN", b"\xff\xfe"), "501 5.5.2 Can't decode base64"),
        (("AUTH PLAIN", "AA\0AA"), "501 5.5.2 Can't decode base64"),
        (("AUTH PLAIN", "*"), "501 5.7.0 Auth aborted"),
        (("AUTH PLAIN", encoded("no nul")), "501 5.5.2 Can't split auth value"),
        (("AUTH LOGIN", encoded(b"\xff"), encoded("secret")), INVALID),
        (("AUTH LOGIN", encoded("ann"), encoded(b"\xff")), INVALID),
        (("AUTH \u2003",), "501 Not enough value"),
        (("AUTH XYZ",), "504 5.5.4 Unrecognized authentication type"),
    ],
)
def test_what_is_no_login_is_told(lines: tuple[str, ...], last: str) -> None:
    """Nobody is asked, nothing is a bug of ours, and the next line is a command again."""
    reception = Scripted()
    with start_mailproc(reception, auth_require_tls=False) as server:
        assert session(server, "EHLO x", *lines, "NOOP")[-2:] == [last, "250 OK"]
    assert (reception.tried, reception.bugs) == ([], [])


def test_aiosmtpd_stumbles_over_a_blank() -> None:
    """What is mended here."""
    with start_aiosmtpd(auth_require_tls=False) as server:
        assert session(server, "EHLO x", "AUTH \u2003")[2] == "500 Error: (IndexError) list index out of range"


def test_a_subclass_may_have_mechanisms_and_parameters_of_its_own() -> None:
    """They are given by name, and an authenticator may be a coroutine function or none."""

    class Own(SMTP):
        def __init__(self, handler: Any, *, word: bytes, **parameters: Any) -> None:
            super().__init__(handler, **parameters)
            self._word = word

        @auth_mechanism("X-WORD")
        async def auth_word(self, _: Any, args: list[str]) -> AuthResult:
            """Ask for the word."""
            answer = await self.challenge_auth("the word is?")
            return AuthResult(success=answer == self._word, handled=False)

    with start_mailproc(kind=Own, word=b"abracadabra", auth_require_tls=False) as server:
        replies = session(server, "EHLO x", "AUTH X-WORD", encoded("abracadabra"))
    assert "250-AUTH LOGIN PLAIN X-WORD" in replies[1]
    assert replies[2:] == [f"334 {encoded('the word is?')}", SUCCESS]
    with pytest.raises(TypeError, match="word"):
        start_mailproc(kind=Own)
