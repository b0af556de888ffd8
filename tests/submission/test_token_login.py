"""Logging in at a relay with an OAuth 2.0 token."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.submission import Relay
from mailproc.transport import Bearer
from tests.servers.certificates import Authority, make_authority
from tests.servers.oauth2 import BearerRelay, TokenServer
from tests.servers.relay import RelayServer

RAW = b"From: robot@example.org\r\nTo: ann@example.com\r\n\r\nhello\r\n"
ROBOT = "robot@example.org"
GOOD, BAD = "ya29.good", "ya29.of-no-use"
LONG = "ya29." + 440 * "x"  # with it the command is longer than 512 octets
MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is on loopback


@pytest.fixture(scope="module")
def issuer() -> TokenServer:
    """Whose tokens the relay takes; nobody asks it over the network here."""
    made = TokenServer()
    made.tokens = {GOOD: ROBOT, LONG: ROBOT}
    return made


@pytest.fixture
def server(issuer: TokenServer) -> Iterator[BearerRelay]:
    """A relay without TLS that takes tokens."""
    with BearerRelay(issuer, ROBOT, login_without_tls=True) as running:
        yield running


def gives(*tokens: str) -> Callable[[bool], str]:
    """What gives the first token, and the next one each time that a fresh one is wanted."""
    left = list(tokens)
    return lambda fresh: left.pop(0) if fresh and len(left) > 1 and not left.pop(0) else left[0]


def client(server: RelayServer, mechanism: Any, *tokens: str, **options: Any) -> Relay:
    """A client that logs in with these tokens."""
    given = {"host": server.host, "timeout": 5.0, "username": ROBOT, "login": Bearer(mechanism, gives(*tokens))} | options
    return Relay(str(given.pop("host")), server.port, **given)


def refusal(relay: Relay) -> str:
    """How the login is refused: on one printable line without a token."""
    with pytest.raises(LoginRefused) as refused:
        relay.send("", ["ann@example.com"], RAW)
    shown = str(refused.value)
    assert shown.isprintable()
    assert "ya29" not in shown
    return shown


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("token", [GOOD, LONG])
def test_a_good_token_logs_in(server: BearerRelay, mechanism: str, token: str) -> None:
    """In the command, or on a line of its own where the command would be too long for SMTP (RFC 4954 section 4)."""
    with client(server, mechanism, token) as relay:
        assert [relay.send("", ["ann@example.com"], RAW)[0].kind for _ in range(2)] == ["sent", "sent"]
    assert len(server.responses) == 1
    assert f"auth=Bearer {token}\x01\x01" in server.responses[0].decode()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_refused_token_is_replaced_once(server: BearerRelay, mechanism: str) -> None:
    """After the word that ends the relay's error, on the same connection."""
    with client(server, mechanism, BAD, GOOD) as relay:
        assert relay.send("", ["ann@example.com"], RAW)[0].kind == "sent"
    assert server.responses[1] == (b"" if mechanism == "XOAUTH2" else b"\x01")
    assert [b"Bearer" in said for said in server.responses] == [True, False, True]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_second_refusal_is_the_end(server: BearerRelay, mechanism: str) -> None:
    """There is no third try; the relay's error is told in words."""
    shown = refusal(client(server, mechanism, BAD, "ya29.neither", GOOD))
    assert shown == (
        f"relay 127.0.0.1:{server.port}: 535 5.7.8 Authentication credentials invalid; status invalid_token, scope mail; "
        "is the token for this user, and of the right scope?"
    )
    assert len(server.responses) == 4
    assert server.received == []


def test_the_same_token_is_not_tried_again(server: BearerRelay) -> None:
    """A file that nobody has written anew has nothing fresher."""
    refusal(client(server, "XOAUTH2", BAD))
    assert len(server.responses) == 2


@pytest.mark.parametrize(
    "error", [b"", b"not JSON", b"\xff", b"[" * 400, b'{"a": "\\u001b[31m"}', json.dumps({"status": BAD}).encode()]
)
def test_a_hostile_error_is_one_line(server: BearerRelay, error: bytes) -> None:
    """Whatever stands in it, and also when it repeats the token."""
    server.error = error
    assert "535 5.7.8" in refusal(client(server, "XOAUTH2", BAD))


def test_a_reply_that_repeats_the_command_shows_no_token(server: BearerRelay) -> None:
    """In clear and in base64."""
    response = base64.b64encode(f"user={ROBOT}\x01auth=Bearer {BAD}\x01\x01".encode()).decode()
    server.login_reply = f"535 {BAD} {response} is what you said"
    shown = refusal(client(server, "XOAUTH2", BAD))
    assert "535 *** *** is what you said" in shown


def test_a_login_that_fails_for_now_is_away(server: BearerRelay) -> None:
    """A 454 to AUTH is the relay's trouble and passes; no fresh token is asked for."""
    server.login_reply = "454 4.7.0 try later"
    with pytest.raises(Away, match="454"):
        client(server, "XOAUTH2", GOOD, BAD).connect()
    assert len(server.responses) == 1


def test_a_token_that_cannot_be_had_is_told_as_it_is(server: BearerRelay) -> None:
    """A mail waits while the token endpoint is away, and a refusal there ends the run as one of the relay would."""

    def fails(error: Exception) -> Callable[[bool], str]:
        def token(fresh: bool) -> str:
            raise error

        return token

    away = client(server, "XOAUTH2", GOOD, login=Bearer("XOAUTH2", fails(Away("oauth2.office.token_url: away"))))
    (submitted,) = away.send("", ["ann@example.com"], RAW)
    assert (submitted.kind, submitted.reply) == ("retry", "oauth2.office.token_url: away")
    refused = client(server, "XOAUTH2", GOOD, login=Bearer("XOAUTH2", fails(LoginRefused("oauth2.office: no"))))
    with pytest.raises(LoginRefused, match=r"^oauth2\.office: no$"):
        refused.connect()
    assert server.responses == []


def test_a_relay_without_the_mechanism_is_told(server: BearerRelay) -> None:
    """It is looked for before a token is asked for."""
    server.hide = {"XOAUTH2", "LOGIN"}
    relay = client(server, "XOAUTH2", login=Bearer("XOAUTH2", lambda fresh: pytest.fail("a token was asked for")))
    assert refusal(relay).endswith("offers AUTH OAUTHBEARER PLAIN and not XOAUTH2; change auth")
    server.hide = {"AUTH"}
    assert refusal(relay).endswith("offers no AUTH and not XOAUTH2; change auth")


def test_no_token_before_tls_is_verified(issuer: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over TLS that is trusted the token is sent; for a stranger's certificate none is even asked for."""
    ours, theirs = (make_authority(tmp_path_factory.mktemp(name)) for name in ("ours", "theirs"))
    with BearerRelay(issuer, ROBOT, certificate=ours.issue()) as server:

        def over_tls(authority: Authority, token: Callable[[bool], str]) -> Relay:
            ca_file = str(authority.certificate)
            return client(server, "", host="localhost", security="starttls", ca_file=ca_file, login=Bearer("XOAUTH2", token))

        assert over_tls(ours, gives(GOOD)).check().logged_in
        with pytest.raises(Away, match="certificate is not valid"):
            over_tls(theirs, lambda fresh: pytest.fail("a token was asked for")).connect()


def test_a_token_does_not_travel_in_clear() -> None:
    """Except on this machine."""
    with pytest.raises(SettingsError, match="the login would travel in clear"):
        Relay("relay.example.org", 25, username=ROBOT, login=Bearer("XOAUTH2", lambda fresh: GOOD))


def test_a_name_cannot_change_the_response(server: BearerRelay) -> None:
    """What parts the fields of the response cannot stand in one of them."""
    with pytest.raises(SettingsError, match="a control character in the user's name cannot be sent"):
        client(server, "XOAUTH2", GOOD, username=f"{ROBOT}\x01auth=Bearer other").connect()
    assert server.responses == []
