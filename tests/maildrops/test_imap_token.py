"""Logging in with an OAuth 2.0 token at a real server, which asks whose it is; a proxy says what that server never would."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.maildrops.imap import ImapDrop
from mailproc.transport import Bearer
from tests.maildrops.kinds import imap_to
from tests.servers.certificates import Authority, make_authority
from tests.servers.dovecot import Dovecot
from tests.servers.oauth2 import TokenServer
from tests.servers.proxy import Fault, Proxy

MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
BAD = "ya29.of-no-use"


@pytest.fixture
def server(token_dovecot: Dovecot) -> Dovecot:
    """The server that takes tokens."""
    return token_dovecot


@pytest.fixture
def good(issuer: TokenServer, user: str) -> str:
    """A token that is good for the user."""
    token = f"ya29.{user}"
    issuer.tokens[token] = user
    return token


def gives(*tokens: str) -> Callable[[bool], str]:
    """What gives the first token, and the next one each time that a fresh one is wanted."""
    left = list(tokens)
    return lambda fresh: left.pop(0) if fresh and len(left) > 1 and not left.pop(0) else left[0]


def tokens_to(server: Dovecot, user: str, mechanism: Any, *tokens: str, **changes: Any) -> ImapDrop:
    """Our maildrop, opened with tokens."""
    return imap_to(server, user, **{"login": Bearer(mechanism, gives(*tokens)), **changes})


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
def test_a_good_token_opens_the_maildrop(
    server: Dovecot, authority: Authority, user: str, good: str, mechanism: str, security: str
) -> None:
    """On loopback, with STARTTLS and with TLS; the token is not to be seen on the line where that is encrypted."""
    server.append(user, b"Subject: hi\r\n\r\nhi\r\n")
    with Proxy(server.tls_port if security == "tls" else server.port) as proxy:
        changes = {"host": "localhost", "port": proxy.port, "security": security, "ca_file": str(authority.certificate)}
        drop = tokens_to(server, user, mechanism, good, **changes)
        assert [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))] == [b"Subject: hi\r\n\r\nhi\r\n"]
        drop.close()
    assert (_line_of(proxy) is not None) == (security == "plain")


def _line_of(proxy: Proxy) -> bytes | None:
    """The client's response to AUTHENTICATE, as far as it went over the line in clear."""
    after = proxy.heard.partition(b" AUTHENTICATE ")[2].split(b"\r\n")
    return base64.b64decode(after[1]) if len(after) > 1 else None


def test_oauthbearer_says_host_and_port(server: Dovecot, good: str, user: str) -> None:
    """RFC 7628 section 3.1; a server behind another name may need them, and what imapclient sends has none."""
    with Proxy(server.port) as proxy:
        tokens_to(server, user, "OAUTHBEARER", good, port=proxy.port).close()
    assert _line_of(proxy) == f"n,a={user},\x01host=127.0.0.1\x01port={proxy.port}\x01auth=Bearer {good}\x01\x01".encode()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_refused_token_is_replaced_once(server: Dovecot, issuer: TokenServer, user: str, good: str, mechanism: str) -> None:
    """One that has expired before its time costs a second try on the same connection, with a fresh one."""
    with Proxy(server.port) as proxy:
        tokens_to(server, user, mechanism, BAD, good, port=proxy.port).close()
        assert proxy.connections == 1
    assert issuer.introspections == [BAD, good]


@pytest.mark.parametrize(
    ("mechanism", "says"), [("XOAUTH2", "status 401, schemes bearer"), ("OAUTHBEARER", "status invalid_token")]
)
def test_a_second_refusal_is_the_end(
    server: Dovecot, issuer: TokenServer, user: str, good: str, mechanism: str, says: str
) -> None:
    """There is no third try, which could lock the account; the server's own error is told."""
    with pytest.raises(LoginRefused) as refused:
        tokens_to(server, user, mechanism, BAD, "ya29.neither", "ya29.third")
    assert issuer.introspections == [BAD, "ya29.neither"]
    shown = str(refused.value)
    assert f"the token for {user} was refused: {says}" in shown
    assert "[AUTHENTICATIONFAILED]" in shown
    assert shown.endswith("is it for this user, and of the right scope?")
    assert "ya29" not in shown


def test_the_same_token_is_not_tried_again(server: Dovecot, issuer: TokenServer, user: str, good: str) -> None:
    """A file that nobody has written anew has nothing fresher."""
    with pytest.raises(LoginRefused):
        tokens_to(server, user, "XOAUTH2", BAD)
    assert issuer.introspections == [BAD]


def test_a_token_of_another_user_is_refused(server: Dovecot, user: str, good: str) -> None:
    """Whose mail it is says the token, and not we."""
    with pytest.raises(LoginRefused, match="was refused"):
        tokens_to(server, f"{user}-2", "OAUTHBEARER", good)


def test_a_token_that_cannot_be_had_ends_the_connection(server: Dovecot, user: str) -> None:
    """What stands in the way of it is told as it is, and the server is left alone."""

    def away(fresh: bool) -> str:
        raise Away("oauth2.office.token_url: it is away")

    with Proxy(server.port) as proxy, pytest.raises(Away, match=r"^oauth2\.office\.token_url: it is away$"):
        imap_to(server, user, port=proxy.port, login=Bearer("XOAUTH2", away))
    assert b"AUTHENTICATE" not in proxy.heard


def test_a_server_without_the_mechanism_is_told(dovecot: Dovecot, user: str) -> None:
    """It is looked for before a token is asked for or sent."""
    with pytest.raises(LoginRefused, match=r"it offers AUTH=LOGIN AUTH=PLAIN and not AUTH=XOAUTH2; change auth$"):
        imap_to(dovecot, user, login=Bearer("XOAUTH2", lambda fresh: pytest.fail("a token was asked for")))


def test_what_is_offered_before_tls_does_not_count(server: Dovecot, authority: Authority, user: str, good: str) -> None:
    """Who hides the mechanism in clear gains nothing."""
    fault = Fault(replace=((b" AUTH=XOAUTH2", b""),))
    with Proxy(server.port, [fault]) as proxy:
        changes = {"host": "localhost", "port": proxy.port, "security": "starttls", "ca_file": str(authority.certificate)}
        tokens_to(server, user, "XOAUTH2", good, **changes).close()


def test_logindisabled_is_not_about_tokens(server: Dovecot, user: str, good: str) -> None:
    """It forbids the command LOGIN alone (RFC 9051 section 6.2.3), and a server may take tokens only."""
    with Proxy(server.port, [Fault(replace=((b" LITERAL+", b" LOGINDISABLED"),))]) as proxy:
        tokens_to(server, user, "XOAUTH2", good, port=proxy.port).close()


@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_no_token_is_asked_for_before_tls_is_verified(server: Dovecot, user: str, way: str, tmp_path: Any) -> None:
    """A stranger's certificate ends it before anything is asked or sent."""
    port = server.tls_port if way == "tls" else server.port
    login = Bearer("XOAUTH2", lambda fresh: pytest.fail("a token was asked for"))
    with pytest.raises(Away, match="certificate is not trusted"):
        ca_file = str(make_authority(tmp_path).certificate)
        imap_to(server, user, host="localhost", port=port, security=way, ca_file=ca_file, login=login)


def test_a_token_does_not_travel_in_clear(server: Dovecot) -> None:
    """Except on this machine, whatever is allowed to passwords."""
    with pytest.raises(SettingsError, match=r"the token would travel in clear; use TLS or STARTTLS$"):
        imap_to(server, "robot", host="imap.example.org", login=Bearer("XOAUTH2", lambda fresh: "good"))


def test_a_name_cannot_change_the_response(server: Dovecot, user: str) -> None:
    """What parts the fields of the response cannot stand in one of them."""
    with pytest.raises(SettingsError, match="a control character in the user's name cannot be sent"):
        imap_to(server, f"{user}\x01auth=Bearer other", login=Bearer("XOAUTH2", lambda fresh: "good"))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"NO [UNAVAILABLE] Try later", Away),
        (b"BAD What is that?", LoginRefused),
    ],
)
def test_what_the_server_says_decides(server: Dovecot, user: str, good: str, said: bytes, error: type[Exception]) -> None:
    """What passes is away; a BAD after its error is a refusal too."""
    fault = Fault(replace=((b"NO [AUTHENTICATIONFAILED] Authentication failed.", said),))
    with Proxy(server.port, rest=fault) as proxy, pytest.raises(error) as raised:
        tokens_to(server, user, "XOAUTH2", BAD, port=proxy.port)
    assert said[4:].decode() in str(raised.value)


ERROR_401 = b"+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0="


@pytest.mark.parametrize(
    ("error", "shows"),
    [
        (b"not JSON \x1b[31m\r\n", "not JSON [31m; "),
        (b'{"status": "' + BAD.encode() + b'"}', "status ***; "),
        (b"[" * 40_000, "[[[["),
        (b'{"status": ' + b"9" * 5000 + b"}", '{"status": 999'),
        (b"", "[AUTHENTICATIONFAILED]"),
    ],
)
def test_a_hostile_error_is_one_line(server: Dovecot, user: str, error: bytes, shows: str) -> None:
    """Whatever stands in it, it is cut, shown without controls, and without our token."""
    fault = Fault(replace=((ERROR_401, b"+ " + base64.b64encode(error)),))
    with Proxy(server.port, rest=fault) as proxy, pytest.raises(LoginRefused) as refused:
        tokens_to(server, user, "XOAUTH2", BAD, port=proxy.port)
    shown = str(refused.value)
    assert f"was refused: {shows}" in shown
    assert shown.isprintable()
    assert BAD not in shown
    assert len(shown) < 700


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        (ERROR_401 + b"\r\n" + ERROR_401, "it asks on and on"),
        (b"+ eyJ", "its answer cannot be read"),
        (b"+ {1099511627776}", "its answer cannot be read"),
    ],
)
def test_a_hostile_exchange_is_away(server: Dovecot, user: str, instead: bytes, says: str) -> None:
    """A server that asks on and on gets no more answers, and one that speaks no base64 none at all."""
    with (
        Proxy(server.port, rest=Fault(replace=((ERROR_401, instead),))) as proxy,
        pytest.raises(Away, match=f"^maildrop main: 127.0.0.1:{proxy.port}: .*{says}"),
    ):
        tokens_to(server, user, "XOAUTH2", BAD, port=proxy.port)


def test_a_cut_in_the_login_is_away(server: Dovecot, user: str, good: str) -> None:
    """A connection that ends while we log in is no refusal."""
    with Proxy(server.port, [Fault(at_command=b"AUTHENTICATE")]) as proxy, pytest.raises(Away, match="EOF"):
        tokens_to(server, user, "OAUTHBEARER", good, port=proxy.port)


def test_a_server_that_asks_for_the_password_for_ever_is_away(dovecot: Dovecot, user: str) -> None:
    """The same bound holds for AUTHENTICATE PLAIN."""
    fault = Fault(replace=((b"+ \r\n", b"+ \r\n+ \r\n+ \r\n"),))
    with Proxy(dovecot.port, rest=fault) as proxy, pytest.raises(Away, match="it asks on and on"):
        imap_to(dovecot, user, port=proxy.port, login="pässwörd")
