"""What an operator who looks on sees of a session, and what nobody sees."""

from __future__ import annotations

import base64
import logging

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, auth_mechanism

from tests.smtpd.dialogue import Scripted, session, start_mailproc

PASSWORD = "S3cret-Passw0rd"
BOTH = base64.b64encode(b"\0ann\0" + PASSWORD.encode()).decode()
ALONE = base64.b64encode(PASSWORD.encode()).decode()
ANN = base64.b64encode(b"ann").decode()


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that can be seen."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "mailproc.dialogue")
    return caplog


def test_a_session_is_seen(seen: pytest.LogCaptureFixture) -> None:
    """Who comes, what it says and is told, its message, and that it is gone; each line says whose it is."""
    with start_mailproc() as server:
        message = b"Subject: x\r\n\r\ntext\r\n."
        session(server, "EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", message)
    lines = [record.getMessage() for record in seen.records if record.name == "mailproc.dialogue"]
    assert len({line.split(" ")[0] for line in lines}) == 1
    told = [line.partition(" ")[2] for line in lines]
    assert (told[0], told[-1]) == ("is here", "is gone")
    assert [line for line in told if line.startswith(">>")] == [
        ">> EHLO x",
        ">> MAIL FROM:<a@b.example>",
        ">> RCPT TO:<c@d.example>",
        ">> DATA",
        ">> Subject: x",
        ">> ",
        ">> text",
        ">> .",
    ]
    assert told[1].startswith("<< 220 ")
    assert "<< 354 End data with <CR><LF>.<CR><LF>" in told


@pytest.mark.parametrize(
    "lines",
    [
        ["AUTH PLAIN " + BOTH],
        ["AUTH PLAIN", BOTH],
        ["auth  plain   " + BOTH],
        ["AUTH\tPLAIN\t" + BOTH],
        [" AUTH PLAIN " + BOTH],
        ["AUTH PLAIN=" + BOTH],
        ["AUTH PLAIN\xa0" + BOTH],
        ["AUTH PLAIN\0" + BOTH],
        ["AUTH PLAIN " + BOTH + " more"],
        ["AUTH PLAIN", BOTH + " more"],
        ["AUTH PLAIN", BOTH + "!!"],
        ["AUTH LOGIN", ANN, ALONE],
        ["AUTH LOGIN " + ANN, ALONE],
        ["AUTH LOGIN", ANN + " more", ALONE],
        ["AUTH CRAM-MD5", ALONE],
        ["AUTH XOAUTH2 " + BOTH],
        ["AUTH " + BOTH],
        ["AUTH" + BOTH],
        ["AUTHPLAIN " + BOTH],
        [BOTH],
        [PASSWORD],
        ["AUTH PLAIN " + BOTH + "A" * 3000],
    ],
)
@pytest.mark.parametrize("refused", [False, True])
def test_no_password_is_seen(seen: pytest.LogCaptureFixture, lines: list[str], refused: bool) -> None:
    """However a client goes about AUTH, also where it is refused and the client goes on."""
    with start_mailproc(Scripted(logins={"ann": PASSWORD}), auth_require_tls=refused) as server:
        session(server, "EHLO x", *(line.encode("latin-1") for line in lines), "NOOP")
    assert ">> NOOP" in seen.text
    for secret in (PASSWORD, BOTH, BOTH[:16], BOTH[-16:], ALONE, ALONE[:12]):
        assert secret.upper() not in seen.text.upper()


def test_nothing_of_a_client_steers_a_terminal(seen: pytest.LogCaptureFixture) -> None:
    """Control characters, and what turns the direction of writing, are shown as what they are; a line stays one."""
    with start_mailproc() as server:
        session(server, "EHLO x", b"NOOP \x1b[31mred\x07\xc2\x9b2J\xe2\x80\xae\xff", b"HELP \xe2\x80\xa8x")
    assert ">> NOOP" in seen.text
    for unfit in ("\x1b", "\x07", "\x9b", "\u202e", "\u2028"):
        assert unfit not in seen.text


def test_verbs_and_mechanisms_of_ones_own_are_seen(seen: pytest.LogCaptureFixture) -> None:
    """Those of a subclass."""

    class Mine(SMTP):
        async def smtp_PING(self, arg: str) -> None:  # noqa: N802
            await self.push("259 Pong")

        @auth_mechanism("X-MINE")
        async def auth_MINE(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
            return AuthResult(success=False, handled=False)

    with start_mailproc(kind=Mine, auth_require_tls=False) as server:
        session(server, "EHLO x", "ping it", "AUTH X-MINE " + BOTH)
    assert [word in seen.text for word in (">> ping it", "<< 259 Pong", ">> AUTH X-MINE\n", BOTH)] == [True] * 3 + [False]


def test_without_being_asked_nothing_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """The log of a door has no dialogue."""
    caplog.set_level(logging.WARNING, "mailproc.dialogue")
    with start_mailproc() as server:
        session(server, "EHLO x", "NOOP")
    assert "NOOP" not in caplog.text
