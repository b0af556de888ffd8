"""Reaching a server: TLS, STARTTLS, and who may see the password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from tests.maildrops.kinds import imap_to
from tests.servers.certificates import Authority, make_authority
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.proxy import Fault, Proxy


@pytest.fixture
def tls(dovecot: Dovecot, authority: Authority) -> dict[str, Any]:
    """How the server with the certificate for localhost is reached over TLS."""
    return {"host": "localhost", "port": dovecot.tls_port, "security": "tls", "ca_file": str(authority.certificate)}


@pytest.fixture
def starttls(dovecot: Dovecot, authority: Authority) -> dict[str, Any]:
    """How the same server is reached with STARTTLS."""
    return {"host": "localhost", "port": dovecot.port, "security": "starttls", "ca_file": str(authority.certificate)}


@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_a_trusted_server_is_used(dovecot: Dovecot, user: str, way: str, request: pytest.FixtureRequest) -> None:
    """With the authority's certificate, TLS and STARTTLS both lead to the mail, and the password is not to be seen."""
    dovecot.append(user, b"Subject: hi\r\n\r\nhi\r\n")
    server = request.getfixturevalue(way)
    with Proxy(server["port"]) as proxy:
        drop = imap_to(dovecot, user, **{**server, "port": proxy.port})
        assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == [b"Subject: hi\r\n\r\nhi\r\n"]
        drop.close()
    assert PASSWORD.encode() not in proxy.heard
    assert user.encode() not in proxy.heard


@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_an_unknown_authority_gets_no_password(
    dovecot: Dovecot, user: str, way: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A certificate of an authority that we were not told of ends the connection before the login."""
    server = request.getfixturevalue(way)
    for ca_file in (None, str(make_authority(tmp_path).certificate)):
        with (
            Proxy(server["port"]) as proxy,
            pytest.raises(Away, match=r"certificate is not trusted: .*; use the name .* CA file"),
        ):
            imap_to(dovecot, user, **{**server, "port": proxy.port, "ca_file": ca_file})
        assert b"LOGIN" not in proxy.heard.upper()


@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_a_wrong_name_gets_no_password(dovecot: Dovecot, user: str, way: str, request: pytest.FixtureRequest) -> None:
    """A certificate for another name than the one we connect to is refused."""
    with pytest.raises(Away, match=r"certificate is not trusted: .*mismatch.*127\.0\.0\.1"):
        imap_to(dovecot, user, **{**request.getfixturevalue(way), "host": "127.0.0.1"})


def test_an_expired_certificate_is_refused(user: str, tmp_path: Path) -> None:
    """A certificate that has run out is refused, and the reason is told."""
    authority = make_authority(tmp_path)
    with Dovecot(certificate=authority.issue("localhost", days=0)) as dovecot:
        ca_file = str(authority.certificate)
        with pytest.raises(Away, match="certificate has expired"):
            imap_to(dovecot, user, host="localhost", port=dovecot.tls_port, security="tls", ca_file=ca_file)


def test_a_stripped_starttls_gets_no_password(dovecot: Dovecot, user: str, starttls: dict[str, Any]) -> None:
    """When somebody hides STARTTLS, or says no to it, nothing is sent in the clear."""
    hidden = Fault(replace=((b" STARTTLS", b" XTARTTLS"),))
    refused = Fault(replace=((b"OK Begin TLS", b"NO Begin TLS"),))
    for fault, words in ((hidden, "does not offer STARTTLS"), (refused, "TLS")):
        with Proxy(dovecot.port, [fault]) as proxy, pytest.raises(Away, match=words):
            imap_to(dovecot, user, **{**starttls, "port": proxy.port})
        assert PASSWORD.encode() not in proxy.heard
        assert b"LOGIN" not in proxy.heard


def test_answers_smuggled_before_tls_are_dropped(dovecot: Dovecot, user: str, starttls: dict[str, Any]) -> None:
    """What somebody adds behind the OK to STARTTLS does not count as said under TLS."""
    smuggled = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n"
    fault = Fault(replace=((b"Begin TLS negotiation now.\r\n", b"Begin TLS negotiation now.\r\n" + smuggled),))
    with Proxy(dovecot.port, [fault]) as proxy:
        imap_to(dovecot, user, **{**starttls, "port": proxy.port}).close()


def test_a_preauthenticated_greeting_is_refused(dovecot: Dovecot, user: str, starttls: dict[str, Any]) -> None:
    """PREAUTH would keep us from STARTTLS, so it is refused."""
    with (
        Proxy(dovecot.port, [Fault(replace=((b"* OK [CAPABILITY", b"* PREAUTH [CAPABILITY"),))]) as proxy,
        pytest.raises(Away, match="PREAUTH"),
    ):
        imap_to(dovecot, user, **{**starttls, "port": proxy.port})


def test_logindisabled_is_obeyed(dovecot: Dovecot, user: str) -> None:
    """A server that announces LOGINDISABLED never hears the password (RFC 9051 section 6.2.3)."""
    with (
        Proxy(dovecot.port, [Fault(replace=((b" LITERAL+", b" LOGINDISABLED"),))]) as proxy,
        pytest.raises(LoginRefused, match="LOGINDISABLED"),
    ):
        imap_to(dovecot, user, port=proxy.port)
    assert PASSWORD.encode() not in proxy.heard


def test_tls_to_a_port_without_tls_is_explained(dovecot: Dovecot, user: str, tls: dict[str, Any]) -> None:
    """A wrong port is told from a certificate that is wrong."""
    with pytest.raises(Away, match="is this the right port for this kind of TLS"):
        imap_to(dovecot, user, **{**tls, "port": dovecot.port})


def test_a_wrong_password_is_refused(dovecot: Dovecot, user: str) -> None:
    """A NO to the login is LoginRefused, names the user and not the password, and is not tried again."""
    with (
        Proxy(dovecot.port) as proxy,
        pytest.raises(LoginRefused, match=f"login of {user} was refused: .*AUTHENTICATIONFAILED") as refused,
    ):
        imap_to(dovecot, user, port=proxy.port, login="hunter2")
    assert "hunter2" not in str(refused.value)
    assert proxy.connections == 1


@pytest.mark.parametrize("said", [b"NO [UNAVAILABLE] Try later", b"NO [LIMIT] Too many", b"BAD What is hunter2?"])
def test_a_login_that_fails_for_now_is_away(dovecot: Dovecot, user: str, said: bytes) -> None:
    """A server that cannot log us in now is away; its words are told, without the password."""
    with (
        Proxy(dovecot.port, rest=Fault(replace=((b"NO [AUTHENTICATIONFAILED] Authentication failed.", said),))) as proxy,
        pytest.raises(Away) as away,
    ):
        imap_to(dovecot, user, port=proxy.port, login="hunter2")
    assert said[4:10].decode() in str(away.value)
    assert "hunter2" not in str(away.value)


@pytest.mark.parametrize(
    ("password", "repeated"), [("hush hush", 'LOGIN "hush hush"'), ('a"hush', 'LOGIN "a\\"hush"'), ("hüsh", "AHIAaMO8c2g=")]
)
def test_a_password_that_the_server_repeats_is_not_told(dovecot: Dovecot, password: str, repeated: str) -> None:
    """Nor as the command has it: quoted, or in base64."""
    fault = Fault(replace=((b"[AUTHENTICATIONFAILED] Authentication failed.", f"I heard {repeated}".encode()),))
    with Proxy(dovecot.port, rest=fault) as proxy, pytest.raises(LoginRefused, match=r"I heard .*\*\*\*") as refused:
        imap_to(dovecot, "r", port=proxy.port, login=password)
    assert "hush" not in str(refused.value)
    assert "AHIA" not in str(refused.value)


def test_a_cut_in_the_login_is_away(dovecot: Dovecot, user: str) -> None:
    """A connection that ends while we log in is no refusal."""
    with Proxy(dovecot.port, [Fault(at_command=b"LOGIN")]) as proxy, pytest.raises(Away, match="socket error: EOF"):
        imap_to(dovecot, user, port=proxy.port)


def test_a_greeting_of_bye_is_away(dovecot: Dovecot, user: str) -> None:
    """A server that greets with BYE is away, and its reason is told on one safe line."""
    fault = Fault(replace=((b"* OK [CAPABILITY", b"* BYE \x1b[31mfull\xe2\x80\xae [CAPABILITY"),))
    with Proxy(dovecot.port, rest=fault) as proxy, pytest.raises(Away, match="full") as away:
        imap_to(dovecot, user, port=proxy.port)
    assert str(away.value).isprintable()


@pytest.mark.parametrize("greeting", [b"* OK {1099511627776}\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 2_000_000])
def test_a_greeting_that_is_no_imap_is_away(dovecot: Dovecot, user: str, greeting: bytes) -> None:
    """Whatever else answers at the port is told on one line."""
    with (
        Proxy(dovecot.port, rest=Fault(replace=((b"* OK [CAPABILITY", greeting),))) as proxy,
        pytest.raises(Away, match=f"^maildrop main: 127.0.0.1:{proxy.port}: [ -~]{{10,220}}$"),
    ):
        imap_to(dovecot, user, port=proxy.port)


def test_a_server_that_does_not_greet_is_away(dovecot: Dovecot, user: str) -> None:
    """A port that accepts and says nothing is given up after the connect timeout."""
    with Proxy(dovecot.port, rest=Fault(after_bytes=0, hold=True)) as proxy, pytest.raises(Away, match="no answer in time"):
        imap_to(dovecot, user, port=proxy.port, connect_timeout=0.3)


def test_a_server_that_is_down_is_away(dovecot: Dovecot, user: str) -> None:
    """Nobody at the port, or no such host: one line with host and port."""
    with Proxy(dovecot.port) as proxy:
        port = proxy.port
    with pytest.raises(Away, match=f"^maildrop main: 127.0.0.1:{port}: Connection refused$"):
        imap_to(dovecot, user, port=port)
    with pytest.raises(Away, match=r"^maildrop main: nowhere\.invalid:\d+: [^\n]+$"):
        imap_to(dovecot, user, host="nowhere.invalid")


def test_a_missing_ca_file_is_named(dovecot: Dovecot, user: str, tls: dict[str, Any]) -> None:
    """A CA file that is not there is the operator's mistake."""
    with pytest.raises(SettingsError, match=r"the CA file /nowhere/ca\.pem cannot be used: No such file"):
        imap_to(dovecot, user, **{**tls, "ca_file": "/nowhere/ca.pem"})


def test_a_password_cannot_smuggle_a_command(dovecot: Dovecot, user: str) -> None:
    """A line break in a password is refused before a connection is made."""
    with Proxy(dovecot.port) as proxy, pytest.raises(SettingsError, match="line break"):
        imap_to(dovecot, user, port=proxy.port, login="secret\r\nA1 LOGOUT")
    assert proxy.connections == 0


@pytest.mark.parametrize("password", ['se"cr\\et ', "pässwörd", "{5}"])
def test_any_password_arrives_as_it_is(password: str) -> None:
    """Quotes, backslashes, spaces and other alphabets log in."""
    with Dovecot(password=password) as dovecot:
        drop = imap_to(dovecot, "robot+tag@example.org", login=password)
        assert list(drop.uids()) == []
        drop.close()
