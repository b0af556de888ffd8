"""Reaching a POP3 server: TLS, STLS, and who may see the password or the token."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3 import Pop3Drop
from mailproc.transport import Bearer
from tests.maildrops.kinds import pop3_to
from tests.servers.certificates import Authority
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.oauth2 import TokenServer
from tests.servers.pop3 import ScriptedPop3
from tests.servers.proxy import Fault, Proxy

RAW = b"Subject: hi\r\n\r\nhi\r\n"
MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
LONG = "ya29." + "x" * 500


@pytest.fixture
def tls(dovecot: Dovecot, authority: Authority) -> dict[str, Any]:
    """How the server with the certificate for localhost is reached over TLS."""
    return {"host": "localhost", "port": dovecot.pop3_tls_port, "security": "tls", "ca_file": str(authority.certificate)}


@pytest.fixture
def stls(dovecot: Dovecot, authority: Authority) -> dict[str, Any]:
    """How the same server is reached with STLS."""
    return {"host": "localhost", "port": dovecot.pop3_port, "security": "starttls", "ca_file": str(authority.certificate)}


def scripted(server: ScriptedPop3, **changes: Any) -> Pop3Drop:
    """Our maildrop on a server that says what is written."""
    plain = {"host": "127.0.0.1", "port": server.port, "security": "plain", "username": "robot", "login": "hunter2"}
    return Pop3Drop(Account("main", **{**plain, **changes}))


@pytest.mark.parametrize("way", ["tls", "stls"])
def test_a_trusted_server_is_used(dovecot: Dovecot, user: str, way: str, request: pytest.FixtureRequest) -> None:
    """With the authority's certificate, TLS and STLS both lead to the mail, and the password is not to be seen."""
    dovecot.append(user, RAW)
    server = request.getfixturevalue(way)
    with Proxy(server["port"]) as proxy:
        drop = pop3_to(dovecot, user, **{**server, "port": proxy.port})
        assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == [RAW]
        drop.close()
    assert PASSWORD.encode() not in proxy.heard
    assert user.encode() not in proxy.heard


@pytest.mark.parametrize("way", ["tls", "stls"])
def test_an_unknown_authority_gets_no_password(dovecot: Dovecot, user: str, way: str, request: pytest.FixtureRequest) -> None:
    """A certificate of an authority that we were not told of ends the connection before the login."""
    server = request.getfixturevalue(way)
    with Proxy(server["port"]) as proxy, pytest.raises(Away, match=r"certificate is not trusted: .*; use the name .* CA file"):
        pop3_to(dovecot, user, **{**server, "port": proxy.port, "ca_file": None})
    assert b"USER" not in proxy.heard


@pytest.mark.parametrize("way", ["tls", "stls"])
def test_a_wrong_name_gets_no_password(dovecot: Dovecot, user: str, way: str, request: pytest.FixtureRequest) -> None:
    """A certificate for another name than the one we connect to is refused."""
    with pytest.raises(Away, match=r"certificate is not trusted: .*mismatch.*127\.0\.0\.1"):
        pop3_to(dovecot, user, **{**request.getfixturevalue(way), "host": "127.0.0.1"})


def test_a_stripped_stls_gets_no_password(dovecot: Dovecot, user: str, stls: dict[str, Any]) -> None:
    """When somebody says no to STLS, nothing is sent in the clear."""
    refused = Fault(replace=((b"+OK Begin TLS", b"-ERR Begin TLS"),))
    with Proxy(dovecot.pop3_port, [refused]) as proxy, pytest.raises(Away, match="does not offer STLS"):
        pop3_to(dovecot, user, **{**stls, "port": proxy.port})
    assert proxy.heard == b"STLS\r\n"


def test_an_answer_injected_behind_stls_is_refused(dovecot: Dovecot, user: str, stls: dict[str, Any]) -> None:
    """What somebody adds behind the answer to STLS would count as said under TLS; such a connection is not used."""
    begin = b"+OK Begin TLS negotiation now.\r\n"
    injected = Fault(replace=((begin, begin + b"+OK\r\n+OK\r\n+OK\r\n1 evil\r\n.\r\n"),))
    with (
        Proxy(dovecot.pop3_port, [injected]) as proxy,
        pytest.raises(Away, match="says more in clear behind its answer to STLS"),
    ):
        pop3_to(dovecot, user, **{**stls, "port": proxy.port})
    assert proxy.heard == b"STLS\r\n"


def test_tls_to_a_port_without_tls_is_explained(dovecot: Dovecot, user: str, tls: dict[str, Any]) -> None:
    """A wrong port is told from a certificate that is wrong."""
    with pytest.raises(Away, match="is this the right port for this kind of TLS"):
        pop3_to(dovecot, user, **{**tls, "port": dovecot.pop3_port})


def test_a_missing_ca_file_is_named(dovecot: Dovecot, user: str, tls: dict[str, Any]) -> None:
    """A CA file that cannot be read is the operator's mistake."""
    with pytest.raises(SettingsError, match=r"the CA file /none\.pem cannot be used: No such file"):
        pop3_to(dovecot, user, **{**tls, "ca_file": "/none.pem"})


def test_a_wrong_password_is_refused(dovecot: Dovecot, user: str) -> None:
    """-ERR to the login is LoginRefused, names the user and not the password, and is not tried again."""
    with (
        Proxy(dovecot.pop3_port) as proxy,
        pytest.raises(LoginRefused, match=rf"login of {user} was refused: -ERR \[AUTH\]") as refused,
    ):
        pop3_to(dovecot, user, port=proxy.port, login="hunter2")
    assert "hunter2" not in str(refused.value)
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        (b"-ERR [IN-USE] another session has the maildrop", Away),
        (b"-ERR [in-use] another session has the maildrop", Away),
        (b"-ERR [LOGIN-DELAY] minimum time between logins", Away),
        (b"-ERR [SYS/TEMP] the disk of hunter2 is full", Away),
        (b"-ERR [AUTH] hunter2 is wrong", LoginRefused),
        (b"-ERR [SYS/PERM] ask your administrator", LoginRefused),
        (b"-ERR no", LoginRefused),
    ],
)
def test_a_refusal_says_whether_it_passes(said: bytes, raised: type[Exception]) -> None:
    """The response codes of RFC 2449 section 8 and RFC 3206 tell a maildrop that is busy from a wrong password."""
    with ScriptedPop3({"PASS": said + b"\r\n"}) as server, pytest.raises(raised) as caught:
        scripted(server)
    assert said[5:12].decode() in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("secret", ["two  blanks", "x" * 190, "pässwörd"])
@pytest.mark.parametrize("said", ["-ERR PASS {} is wrong", "-ERR [SYS/TEMP] no {} now", "what is {}?"])
def test_a_secret_that_the_server_repeats_is_not_told(secret: str, said: str) -> None:
    """It is taken out of the words as they came, whatever becomes of them then."""
    with (
        ScriptedPop3({"PASS": said.format(secret).encode() + b"\r\n"}) as server,
        pytest.raises((Away, LoginRefused)) as caught,
    ):
        scripted(server, login=secret)
    assert said[-8:].format("***") in str(caught.value)
    assert secret[-5:] not in str(caught.value)


@pytest.mark.parametrize(
    "repeated", [LONG, base64.b64encode(f"user=robot\x01auth=Bearer {LONG}\x01\x01".encode()).decode()], ids=["token", "base64"]
)
def test_a_token_that_the_server_repeats_is_not_told(repeated: str) -> None:
    """Neither as it is nor in base64, where the words are cut."""
    with ScriptedPop3({"AUTH": f"-ERR {repeated} is wrong\r\n".encode()}) as server, pytest.raises(LoginRefused) as caught:
        scripted(server, login=Bearer("XOAUTH2", lambda fresh: LONG))
    assert str(caught.value).endswith(": -ERR *** is wrong")


def test_apop_is_not_used() -> None:
    """A greeting with a timestamp asks for APOP (RFC 1939 section 7), whose digest is weak; the password goes as it is."""
    with ScriptedPop3(greeting=b"+OK ready <1896.697170952@pop.example.org>\r\n") as server:
        scripted(server).close()
    assert server.heard == ["USER robot", "PASS hunter2", "QUIT"]


@pytest.mark.parametrize("secret", ["x\r\nDELE 1", "x\nQUIT", "x\0"])
def test_a_password_cannot_smuggle_a_command(dovecot: Dovecot, user: str, secret: str) -> None:
    """A line break in a password is refused before a connection is made."""
    with Proxy(dovecot.pop3_port) as proxy, pytest.raises(SettingsError, match="line break"):
        pop3_to(dovecot, user, port=proxy.port, login=secret)
    assert proxy.connections == 0


def test_any_password_arrives_as_it_is() -> None:
    """Quotes, blanks and other alphabets log in."""
    password = ' se"cr\\et pässwörd{5} '
    with Dovecot(password=password) as dovecot:
        drop = pop3_to(dovecot, "robot+tag@example.org", login=password)
        assert list(drop.uids()) == []
        drop.close()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("token", ["ya29.short", LONG], ids=["on one line", "too long for one line"])
def test_a_good_token_opens_the_maildrop(
    token_dovecot: Dovecot, issuer: TokenServer, user: str, mechanism: Any, token: str
) -> None:
    """A token that is too long for the line of AUTH is sent on a line of its own (RFC 5034 section 4)."""
    issuer.tokens[token] = user
    token_dovecot.append(user, RAW)
    with Proxy(token_dovecot.pop3_port) as proxy:
        drop = pop3_to(token_dovecot, user, port=proxy.port, login=Bearer(mechanism, lambda fresh: token))
        assert len(drop.uids()) == 1
        drop.close()
    first, _, _ = proxy.heard.partition(b"\r\n")
    assert (first == b"AUTH " + mechanism.encode()) is (token == LONG)
    assert len(first) <= 253


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_refused_token_is_renewed(token_dovecot: Dovecot, issuer: TokenServer, user: str, mechanism: Any) -> None:
    """A real server tells in its challenge why it refuses, says no when that is answered, and takes a fresh one."""
    good = f"ya29.{user}"
    issuer.tokens[good] = user
    drop = pop3_to(token_dovecot, user, login=Bearer(mechanism, lambda fresh: good if fresh else "ya29.old"))
    assert list(drop.uids()) == []
    drop.close()


def test_the_reason_for_a_refusal_is_acknowledged() -> None:
    """The answer to the challenge is ^A in base64 (RFC 7628 section 3.2.3); after a second refusal there is no third try."""
    challenge = b"+ " + base64.b64encode(b'{"status":"invalid_token"}') + b"\r\n"
    with ScriptedPop3({"AUTH": challenge, "AQ==": b"-ERR [AUTH] bad token\r\n"}) as server, pytest.raises(LoginRefused):
        scripted(server, login=Bearer("OAUTHBEARER", lambda fresh: "t2" if fresh else "t"))
    assert [line.partition(" ")[0] for line in server.heard] == ["AUTH", "AQ=="] * 2


def test_the_same_token_is_not_tried_again(token_dovecot: Dovecot, issuer: TokenServer, user: str) -> None:
    """A file that nobody has written anew has nothing fresher."""
    with Proxy(token_dovecot.pop3_port) as proxy, pytest.raises(LoginRefused):
        pop3_to(token_dovecot, user, port=proxy.port, login=Bearer("XOAUTH2", lambda fresh: "ya29.old"))
    assert (proxy.connections, issuer.introspections) == (1, ["ya29.old"])


def test_a_token_that_is_refused_to_us_is_asked_for_once() -> None:
    """Where the token endpoint says no there is no token to renew, and its words are told as they are."""
    asked = []

    def refused(fresh: bool) -> str:
        asked.append(fresh)
        raise LoginRefused("oauth2.office: no")

    with ScriptedPop3() as server, pytest.raises(LoginRefused, match=r"^oauth2\.office: no$"):
        scripted(server, login=Bearer("XOAUTH2", refused))
    assert (asked, server.connections, server.heard) == ([False], 1, [])


def test_no_token_is_asked_for_before_tls_is_verified(dovecot: Dovecot, user: str, stls: dict[str, Any]) -> None:
    """A stranger's certificate ends it before anything is asked or sent."""
    login = Bearer("XOAUTH2", lambda fresh: pytest.fail("a token was asked for"))
    with pytest.raises(Away, match="certificate is not trusted"):
        pop3_to(dovecot, user, **{**stls, "ca_file": None, "login": login})


def test_a_token_does_not_travel_in_clear() -> None:
    """To another machine it goes over TLS alone, whatever allow_plaintext says."""
    account = Account("main", "192.0.2.1", 110, "plain", "robot", Bearer("XOAUTH2", lambda fresh: "t"))
    with pytest.raises(SettingsError, match="the token would travel in clear"):
        Pop3Drop(account)
