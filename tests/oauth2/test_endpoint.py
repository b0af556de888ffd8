"""The token endpoint: what it is asked, and what becomes of each answer, also of those that no honest server gives."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailproc.errors import Away, LoginRefused, MailprocError, SettingsError
from mailproc.oauth2 import LONGEST_LIFE, Client, Granted, endpoint, http
from tests.servers.certificates import make_authority
from tests.servers.oauth2 import REFRESH, SECRET, TokenServer


def answer(**fields: object) -> tuple[int, bytes]:
    """A good answer with these fields changed."""
    return 200, json.dumps({"access_token": "good", "token_type": "Bearer", "expires_in": 3600} | fields).encode()


def ask(client: Client, refresh_token: str | None) -> Granted:
    """What the endpoint gives to the client with its secret."""
    return endpoint.ask(client, client.client_secret(), refresh_token)


def failure(client: Client, refresh_token: str | None = None) -> MailprocError:
    """What asking raises: one printable line that names the section, and holds no secret."""
    with pytest.raises(MailprocError) as raised:
        ask(client, refresh_token)
    shown = str(raised.value)
    assert shown.isprintable()
    assert len(shown) < 600
    assert shown.startswith("oauth2.office.")
    assert SECRET not in shown
    assert REFRESH not in shown
    return raised.value


def test_client_credentials_are_asked_for_in_the_body(issuer: TokenServer, client: Client) -> None:
    """RFC 6749 section 4.4.2: a form with the grant, the scope, and the client as it is registered."""
    granted = ask(client, None)
    assert issuer.tokens == {granted.access_token: "robot"}
    assert granted.lifetime == 3600
    assert issuer.asked == [
        {"grant_type": "client_credentials", "scope": "mail", "client_id": "robot-id", "client_secret": SECRET}
    ]
    assert issuer.asked_how[0]["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in issuer.asked_how[0]


def test_http_basic_carries_the_client_where_it_is_wanted(issuer: TokenServer, client: Client) -> None:
    """RFC 6749 section 2.3.1: id and secret are encoded as in a form first, and are not in the body."""
    issuer.users = {"a:b": "robot"}
    ask(replace(client, client_id="a:b", client_auth="basic", scope=None), None)
    assert issuer.asked == [{"grant_type": "client_credentials", "client_id": "a:b", "client_secret": SECRET}]
    assert issuer.asked_how[0]["Authorization"].startswith("Basic ")


def test_a_public_client_refreshes_without_a_secret(issuer: TokenServer, refreshing: Client) -> None:
    """An installed program has no secret that it could keep (RFC 6749 section 2.1)."""
    ask(replace(refreshing, client_secret=lambda: None), REFRESH)
    assert issuer.asked == [{"grant_type": "refresh_token", "refresh_token": REFRESH, "scope": "mail", "client_id": "robot-id"}]


@pytest.mark.parametrize("changes", [{}, {"grant": "refresh_token", "client_auth": "basic"}])
def test_a_secret_that_is_needed_and_missing_is_the_operators(client: Client, changes: dict[str, Any]) -> None:
    """It is named before anybody is asked."""
    error = failure(replace(client, client_secret=lambda: None, **changes))
    assert isinstance(error, SettingsError)
    assert str(error) == "oauth2.office.client_secret_file: is missing; give it, or client_secret_command"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (1800, 1800.0),
        ("3599", 3599.0),
        (3599.5, 3599.0),
        (10**30, LONGEST_LIFE),
        ("9" * 4000, LONGEST_LIFE),
        (0, 0.0),
        *((said, endpoint.UNSAID) for said in (None, True, -5, "soon", [], float("nan"), float("inf"))),
    ],
)
def test_a_lifetime_has_bounds(issuer: TokenServer, client: Client, said: object, seconds: float) -> None:
    """Whatever a server says, a token is not kept for longer than a day, and for a while where it says nothing."""
    issuer.answer = answer(expires_in=said)
    assert ask(client, None).lifetime == seconds


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (400, "invalid_grant", "authorize the client anew, and give the new refresh token as oauth2.office.refresh_token_file"),
        (400, "interaction_required", "authorize the client anew"),
        (401, "invalid_client", "check oauth2.office.client_id and the client's secret, which may have expired"),
        (200, "invalid_client", "check oauth2.office.client_id"),
        (400, "unauthorized_client", "check oauth2.office.grant, and what this client may do there"),
        (400, "unsupported_grant_type", "check oauth2.office.grant and oauth2.office.token_url"),
        (400, "invalid_scope", "check oauth2.office.scope"),
    ],
)
def test_a_no_is_a_refused_login_with_what_mends_it(
    issuer: TokenServer, refreshing: Client, status: int, error: str, says: str
) -> None:
    """The errors of RFC 6749 section 5.2, in the server's words and ours."""
    issuer.answer = status, json.dumps({"error": error, "error_description": "Because\r\n\x1b[31mof that."}).encode()
    refused = failure(refreshing, REFRESH)
    assert isinstance(refused, LoginRefused)
    assert f"oauth2.office.token_url: 127.0.0.1 says {error}: Because [31mof that.; {says}" in str(refused)


def test_a_401_without_words_is_a_refused_login(issuer: TokenServer, client: Client) -> None:
    """The status alone says that it is about the client."""
    issuer.answer = 401, b""
    assert isinstance(error := failure(client), LoginRefused)
    assert "answers 401; check oauth2.office.client_id" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"", "answers 500; it is asked again by the next run"),
        (503, b'{"error": "invalid_client"}', "answers 503 invalid_client; it is asked again"),
        (429, b'{"error": "slow_down", "error_description": "Too fast"}', "answers 429 slow_down: Too fast; it is asked"),
        (400, b'{"error": "temporarily_unavailable"}', "says temporarily_unavailable; it is asked again"),
    ],
)
def test_what_passes_is_away(issuer: TokenServer, client: Client, status: int, body: bytes, says: str) -> None:
    """Trouble of the server's own, and too many requests."""
    issuer.answer = status, body
    assert isinstance(error := failure(client), Away)
    assert says in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html><body>Please log in</body></html>"),
        (200, b""),
        (200, b"null"),
        (200, b"[" * 60_000),
        (200, b"\xff\xfe{}"),
        (200, b'{"access_token": 7}'),
        (200, b'{"token_type": "bearer"}'),
        (200, b'{"access_token": "two words"}'),
        (200, b'{"access_token": "line\\r\\nbreak"}'),
        (200, b'{"access_token": "\\u0001"}'),
        (200, b'{"access_token": "t\xc3\xb6ken"}'),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": "' + b"x" * 17_000 + b'"}'),
        (404, b'{"access_token": "good"}'),
        (403, b"<html>Forbidden</html>"),
    ],
)
def test_garbage_is_away_and_named(issuer: TokenServer, client: Client, status: int, body: bytes) -> None:
    """What is no answer of a token endpoint is not taken for one, and none of it is shown."""
    issuer.answer = status, body
    error = failure(client)
    assert isinstance(error, Away)
    assert str(error) == (
        f"oauth2.office.token_url: 127.0.0.1 answers {status} and what is no answer of a token endpoint; check it"
    )


def test_a_token_of_another_type_is_not_used(issuer: TokenServer, client: Client) -> None:
    """Mail servers take bearer tokens alone (RFC 7628)."""
    issuer.answer = answer(token_type="mac")
    assert "another type than bearer" in str(failure(client))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(issuer: TokenServer, client: Client, status: int) -> None:
    """It would carry the secret to whomever the answer names."""
    issuer.answer = status, b""
    assert isinstance(error := failure(client), Away)
    assert f"answers {status}, and a redirect is not followed" in str(error)
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    "echo", [SECRET, REFRESH, "hush%26client%3Dsecret%2B", "1%2F%2Ffirst-refresh-token", "hush&client\u200b=secret+"]
)
def test_a_secret_that_is_repeated_is_not_shown(issuer: TokenServer, refreshing: Client, echo: str) -> None:
    """A server may quote the request in its error, as it was or as it came over the line."""
    issuer.answer = 400, json.dumps({"error": "invalid_grant", "error_description": f"no such token: {echo} {echo}"}).encode()
    shown = str(failure(refreshing, REFRESH))
    assert echo not in shown
    assert "*** ***" in shown


def test_a_granted_token_does_not_show_itself(issuer: TokenServer, client: Client) -> None:
    """Neither by repr nor in an error."""
    issuer.answer = answer(access_token="hush-access", refresh_token="hush-refresh")
    assert "hush" not in repr(ask(client, None))
    assert SECRET not in repr(client)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _trickle(out: Any) -> None:
    out.write(HEAD + b"\r\n")
    while True:
        out.write(b" ")
        out.flush()
        time.sleep(0.05)


def _trickle_in_the_header(out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        out.write(b"X")
        out.flush()
        time.sleep(0.05)


def _continue_for_ever(out: Any) -> None:
    while True:
        out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.001)


@pytest.mark.parametrize("writes", [_trickle, _trickle_in_the_header, _continue_for_ever])
def test_an_answer_that_does_not_end_is_cut(
    issuer: TokenServer, client: Client, writes: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is that of the whole exchange, although each single wait is short."""
    monkeypatch.setattr(http, "SECONDS", 0.4)
    issuer.answer = writes
    began = time.monotonic()
    assert isinstance(error := failure(client), Away)
    assert f"oauth2.office.token_url: 127.0.0.1:{issuer.port}: no whole answer in 0.4 s" in str(error)
    assert time.monotonic() - began < 10


def test_tls_that_trickles_is_cut_too(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the handshake, and in the answer."""
    monkeypatch.setattr(http, "SECONDS", 0.4)
    authority = make_authority(tmp_path)
    with TokenServer(authority.issue("localhost")) as issuer:
        issuer.answer = _trickle
        secure = replace(client, token_url=issuer.url, ca_file=str(authority.certificate))
        assert "no whole answer in 0.4 s" in str(failure(secure))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_shake_hands_slowly, args=(listener,), daemon=True).start()
        slow = replace(client, token_url=f"https://localhost:{listener.getsockname()[1]}/token")
        assert "no whole answer in 0.4 s" in str(failure(slow))


def _shake_hands_slowly(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(b"\x16\x03\x03\x3f\xff")
        while True:
            connection.sendall(b"\x02")
            time.sleep(0.05)


def test_a_silent_server_is_given_up(issuer: TokenServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing at all."""
    monkeypatch.setattr(http, "SECONDS", 0.3)
    issuer.answer = lambda out: time.sleep(1)
    assert "no whole answer in 0.3 s" in str(failure(client))


def _flood(out: Any) -> None:
    out.write(HEAD + b"\r\n")
    while True:
        out.write(b" " * 65536)


@pytest.mark.parametrize(
    ("writes", "says"),
    [
        (_flood, "it answers more than 64 KiB; check the URL"),
        (lambda out: out.write(HEAD + b"Content-Length: 99999999999\r\n\r\n" + b" " * 70_000), "more than 64 KiB"),
        (lambda out: out.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "its answer is no HTTP: LineTooLong"),
        (lambda out: out.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "its answer is no HTTP: HTTPException"),
        (lambda out: out.write(b"220 mail.example.org ESMTP\r\n"), "its answer is no HTTP: BadStatusLine"),
        (lambda out: out.write(HEAD + b"Content-Length: 50\r\n\r\n{"), "what is no answer of a token endpoint"),
        (lambda out: out.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "its answer is no HTTP: "),
        (lambda out: None, "Remote end closed connection without response"),
    ],
)
def test_an_answer_that_is_no_http_is_away(
    issuer: TokenServer, client: Client, writes: Callable[[Any], None], says: str
) -> None:
    """Whatever stands at the port, nothing is raised but `Away`, and memory is bounded."""
    issuer.answer = writes
    assert isinstance(error := failure(client), Away)
    assert says in str(error)


def test_a_server_that_is_down_is_away(client: Client) -> None:
    """The line has host and port."""
    with TokenServer() as gone:
        url = gone.url
    error = failure(replace(client, token_url=url))
    assert isinstance(error, Away)
    assert str(error).endswith(f"127.0.0.1:{gone.port}: Connection refused")


def test_no_proxy_of_the_environment_hears_a_secret(
    issuer: TokenServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs' variables do not lead our secrets elsewhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(client, None).access_token in issuer.tokens


def test_tls_is_verified_before_a_secret_is_sent(client: Client, tmp_path: Path) -> None:
    """With its authority's certificate the endpoint is asked; a stranger's, or another name, hears nothing."""
    authority = make_authority(tmp_path)
    with TokenServer(authority.issue("localhost")) as issuer:
        issuer.users["robot-id"] = "robot"
        secure = replace(client, token_url=issuer.url, ca_file=str(authority.certificate))
        assert ask(secure, None).access_token in issuer.tokens
        for wrong in (replace(secure, ca_file=None), replace(secure, token_url=issuer.url.replace("localhost", "127.0.0.1"))):
            error = failure(wrong)
            assert isinstance(error, Away)
            assert "its certificate is not trusted: " in str(error)
        assert len(issuer.asked) == 1
    missing = failure(replace(secure, ca_file=str(tmp_path / "missing.pem")))
    assert isinstance(missing, SettingsError)
    assert str(missing).startswith(f"oauth2.office.ca_file: {tmp_path}/missing.pem: No such file")
