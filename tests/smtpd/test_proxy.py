"""The PROXY protocol: who is believed, and what is then known of the client."""

from __future__ import annotations

import ipaddress
import ssl
import struct

import pytest

from mailproc.smtpd.limits import Limits
from tests.smtpd.dialogue import Client, Scripted, Server, start_aiosmtpd, start_mailproc

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
V1 = b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 25\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n"
SOURCE = ipaddress.ip_address("2001:db8::7").packed


def v2(command: int, family: int, body: bytes) -> bytes:
    """A header of version 2."""
    return V2 + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


def start(reception: Scripted | None = None, **options: object) -> Server:
    """A server behind a proxy on loopback."""
    return start_mailproc(reception, **{"proxies": LOOPBACK, "proxy_protocol_timeout": 5} | options)  # type: ignore[arg-type]


def rcpt(client: Client, *, greet: bool = True) -> str:
    """What is said to a recipient."""
    if greet:
        client.reply()
    return client.say_all("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example>")[-1]


@pytest.mark.parametrize(
    ("header", "peer"),
    [
        (v2(1, 0x21, SOURCE + SOURCE + b"\0\x19\0\x19"), "2001:db8::7"),
        (v2(1, 0x21, bytes(10) + b"\xff\xff\xc0\x00\x02\x07" + SOURCE + b"\0\x19\0\x19"), "192.0.2.7"),
        (v2(1, 0x31, b"/run/x".ljust(108, b"\0") * 2), "127.0.0.1"),
    ],
)
def test_the_client_is_whom_a_configured_proxy_names(header: bytes, peer: str) -> None:
    """It stays the proxy itself where none is named; never is it a neighbour at a Unix socket."""
    reception = Scripted()
    with start(reception) as server, server.client() as client:
        client.send(header)
        assert rcpt(client) == "250 OK"
    assert reception.asked[0][0].peer == peer


def test_the_clients_address_outlasts_starttls(tls: ssl.SSLContext) -> None:
    """aiosmtpd forgets it with the rest of the session, and the client would be the proxy."""
    reception = Scripted()
    with start(reception, tls_context=tls) as server, server.client() as client:
        client.send(V1)
        client.reply()
        client.say_all("EHLO x", "STARTTLS")
        client.start_tls()
        assert rcpt(client, greet=False) == "250 OK"
    assert reception.asked[0][0].peer == "192.0.2.7"


def test_aiosmtpd_forgets_it(tls: ssl.SSLContext) -> None:
    """What is mended here."""

    class Proxied:
        seen: list[object] = []  # noqa: RUF012

        async def handle_PROXY(self, *_: object) -> bool:  # noqa: N802
            return True

        async def handle_RCPT(self, server: object, session: object, envelope: object, *_: object) -> str:  # noqa: N802
            self.seen.append(session.proxy_data)  # type: ignore[attr-defined]
            return "250 OK"

    with start_aiosmtpd(Proxied(), tls_context=tls, proxy_protocol_timeout=5) as server, server.client() as client:
        client.send(V1)
        client.reply()
        client.say_all("EHLO x", "STARTTLS")
        client.start_tls()
        rcpt(client, greet=False)
    assert Proxied.seen == [None]


class Credulous:
    """A handler of aiosmtpd's that believes every header."""

    async def handle_PROXY(self, *_: object) -> bool:  # noqa: N802
        """Believe."""
        return True


class Wary:
    """One that believes none."""

    async def handle_PROXY(self, *_: object) -> bool:  # noqa: N802
        """Doubt."""
        return False


@pytest.mark.parametrize("handler", [None, Credulous()])
@pytest.mark.parametrize("networks", [[], [ipaddress.ip_network("192.0.2.0/24")]])
def test_a_header_from_anybody_else_is_not_believed(networks: list[ipaddress.IPv4Network], handler: object) -> None:
    """The connection is closed without a word, whatever the handler thinks of it."""
    with start(proxies=networks, handler=handler) as server, server.client() as client:
        client.send(V1)
        assert client.closed()


@pytest.mark.parametrize(
    ("handler", "greeting"), [(object(), "220 mx.example.org test"), (Credulous(), "220 mx.example.org test"), (Wary(), "")]
)
def test_a_handler_may_have_a_word_on_proxies_or_none(handler: object, greeting: str) -> None:
    """aiosmtpd refuses every header where its handler has no hook for them."""
    with start(handler=handler) as server, server.client() as client:
        client.send(V1)
        assert client.reply() == greeting


@pytest.mark.parametrize(
    "octets", [b"EHLO x\r\n", b"PROXY TCP4 x\r\n", V1[:-2] + b"\n", V2 + b"\xff" * 40, b"PROXY " + b"x" * 5000]
)
def test_what_is_no_header_is_no_beginning(octets: bytes) -> None:
    """No greeting is said, and nothing is left behind."""
    with start() as server:
        with server.client() as client:
            client.send(octets)
            assert client.closed()
        server.wait_until_empty()
        assert server.problems == []


def test_a_header_that_does_not_come_is_not_waited_for() -> None:
    """As aiosmtpd does it."""
    with start(proxy_protocol_timeout=0.1) as server, server.client() as client:
        client.send(b"PROX")
        assert client.closed()


def test_a_proxys_clients_are_counted_by_their_own_addresses() -> None:
    """And not by the proxy's."""
    with start(limits=Limits(connections_per_address=1)) as server:
        with server.client() as first, server.client() as second, server.client() as third:
            first.send(V1)
            assert first.reply().startswith("220 ")
            second.send(V1)
            assert second.reply() == "421 4.7.0 Too many connections"
            assert second.closed()
            third.send(V1.replace(b"192.0.2.7", b"192.0.2.8"))
            assert third.reply().startswith("220 ")
        server.wait_until_empty()
        assert dict(server.census._by_address) == {}  # type: ignore[union-attr]


def test_a_proxys_clients_have_rates_of_their_own() -> None:
    """So that one of them does not silence the others."""
    with start(limits=Limits(rate=((1, 60),))) as server:
        replies = []
        for source in (b"192.0.2.7", b"192.0.2.7", b"192.0.2.8"):
            with server.client() as client:
                client.send(V1.replace(b"192.0.2.7", source))
                client.reply()
                replies.append(client.say_all("EHLO x", "MAIL FROM:<>")[-1][:3])
    assert replies == ["250", "450", "250"]
