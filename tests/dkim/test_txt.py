"""What the DNS says of a name, on a real server; and what stands in for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailproc import failpoints
from mailproc.dkim.txt import Dns, NoNetwork, Records, Remembered, read_server
from mailproc.errors import Away, SettingsError
from tests.servers.dns import DnsServer

NAME = "s1._domainkey.example.org"
LONG = "v=DKIM1; p=" + "A" * 1100  # of a key with 4096 bits, and more than one string


@pytest.fixture
def server() -> Iterator[DnsServer]:
    """A server that knows one record."""
    with DnsServer({NAME: ["v=DKIM1; p=abc"]}) as server:
        yield server


def ask(server: DnsServer, name: str = NAME, query_seconds: float = 0.2, name_seconds: float = 0.5) -> Sequence[bytes]:
    """Ask this server, with less patience than is usual."""
    return Dns(server.server, query_seconds=query_seconds, name_seconds=name_seconds).txt(name)


def test_a_record(server: DnsServer) -> None:
    """A record comes as it stands, by one query."""
    assert ask(server) == (b"v=DKIM1; p=abc",)
    assert server.asked == [("udp", NAME)]


def test_case_does_not_matter(server: DnsServer) -> None:
    """Names are the same in upper case (RFC 4343)."""
    assert ask(server, NAME.upper()) == (b"v=DKIM1; p=abc",)


def test_the_strings_of_a_record_are_joined(server: DnsServer) -> None:
    """They are joined without anything in between (RFC 6376 section 3.6.2.2), and octets stay octets."""
    server.records[NAME] = [LONG, b"\xff\x00;"]
    assert ask(server) == (LONG.encode(), b"\xff\x00;")


@pytest.mark.parametrize("behaviour", ["nxdomain", "empty", "other-name"])
def test_no_such_record(server: DnsServer, behaviour: str) -> None:
    """Where the name does not exist, has no TXT record, or the answer speaks of another one, there is none."""
    server.behave[NAME] = behaviour
    assert ask(server) == ()
    assert server.asked == [("udp", NAME)]


@pytest.mark.parametrize(
    "behaviour", ["silence", "servfail", "refused", "formerr", "garbage", "other-question", "other-id", "cut"]
)
def test_nobody_can_tell(server: DnsServer, behaviour: str) -> None:
    """Silence, failure and answers that are none never mean that there is no record; the wait is short."""
    server.behave[NAME] = behaviour
    started = time.monotonic()
    with pytest.raises(Away, match=rf"^{NAME}: (no answer within [0-9.]+ s|[A-Za-z]+)$"):
        ask(server)
    assert time.monotonic() - started < 5
    assert ("udp", NAME) in server.asked


def test_a_question_is_repeated_before_it_is_given_up(server: DnsServer) -> None:
    """A datagram may be lost, so within the time of a name there are several queries."""
    server.behave[NAME] = "silence"
    with pytest.raises(Away):
        ask(server, query_seconds=0.1, name_seconds=0.6)
    assert 2 <= len(server.asked) <= 7


def test_a_name_takes_at_most_its_time(server: DnsServer) -> None:
    """Even a query that could take longer ends with the time of its name."""
    server.behave[NAME] = "silence"
    started = time.monotonic()
    with pytest.raises(Away):
        ask(server, query_seconds=60, name_seconds=0.3)
    assert 0.25 < time.monotonic() - started < 50


def test_usual_patience() -> None:
    """A query may take three seconds, a name six."""
    resolver = Dns("127.0.0.1:53")._resolver
    assert (resolver.timeout, Dns("127.0.0.1:53")._name_seconds) == (3.0, 6.0)


def test_what_does_not_fit_comes_by_tcp(server: DnsServer) -> None:
    """A truncated answer is fetched again, whole."""
    server.behave[NAME] = "truncate"
    assert ask(server) == (b"v=DKIM1; p=abc",)
    assert server.asked == [("udp", NAME), ("tcp", NAME)]


def test_a_long_key_fits_into_udp(server: DnsServer) -> None:
    """We tell the server that we take more than 512 octets (RFC 6891)."""
    server.records[NAME] = [LONG]
    assert ask(server) == (LONG.encode(),)
    assert server.asked == [("udp", NAME)]


def test_an_alias(server: DnsServer) -> None:
    """Providers have their customers' keys at names of their own."""
    server.aliases = {"a.example.org": "b.example.org", "b.example.org": NAME}
    assert ask(server, "a.example.org") == (b"v=DKIM1; p=abc",)


def test_an_alias_of_nothing(server: DnsServer) -> None:
    """An alias whose target does not exist is no record."""
    server.aliases = {"a.example.org": "gone.example.org"}
    assert ask(server, "a.example.org") == ()


@pytest.mark.parametrize("length", [2, 200])
def test_aliases_are_followed_for_a_bounded_way(server: DnsServer, length: int) -> None:
    """A loop, and a chain without an end, end as a fault of the DNS, at once."""
    server.aliases = {f"a{n}.example.org": f"a{(n + 1) % length}.example.org" for n in range(length)}
    started = time.monotonic()
    with pytest.raises(Away):
        ask(server, "a0.example.org")
    assert time.monotonic() - started < 5


def test_a_name_that_cannot_be_asked_for(server: DnsServer) -> None:
    """A name with a label that is too long never leaves the house."""
    with pytest.raises(Away):
        ask(server, "a" * 64 + ".example.org")
    assert server.asked == []


def test_no_suffix_is_tried(server: DnsServer, tmp_path: Path) -> None:
    """The search list of the machine is not for names out of a mail."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\nsearch example.org\n")
    dns = Dns(resolv_conf=str(conf), name_seconds=0.5)
    dns._resolver.port = int(server.server.rpartition(":")[2])
    assert dns.txt("s1._domainkey") == ()
    assert server.asked == [("udp", "s1._domainkey")]


def test_the_resolver_of_the_system(tmp_path: Path) -> None:
    """Without a server of ours the machine's own name servers are asked."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.3\nnameserver 127.0.0.4\n")
    resolver = Dns(resolv_conf=str(conf))._resolver
    assert [str(each) for each in resolver.nameservers] == ["127.0.0.3", "127.0.0.4"]
    assert Dns()._resolv_conf == "/etc/resolv.conf"


def test_a_machine_without_a_resolver(tmp_path: Path) -> None:
    """A missing resolv.conf is a DNS that is away, also the next time."""
    dns = Dns(resolv_conf=str(tmp_path / "none"))
    for _ in range(2):
        with pytest.raises(Away, match="NoResolverConfiguration"):
            dns.txt(NAME)


@pytest.mark.parametrize("fault", ["raise", "eio"])
def test_a_fault_before_the_query(server: DnsServer, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks at the step `dns` is a DNS that is away, and no query is sent."""
    monkeypatch.setattr(failpoints, "_armed", failpoints._Armed(f"dns:{fault}"))
    with pytest.raises(Away, match=NAME):
        ask(server)
    assert server.asked == []
    assert ask(server)


@pytest.mark.parametrize(
    "text, server",
    [
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("192.0.2.7", ("192.0.2.7", 53)),
        ("[2001:db8::7]:5353", ("2001:db8::7", 5353)),
        ("2001:db8::7", ("2001:db8::7", 53)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
    ],
)
def test_a_server(text: str, server: tuple[str, int]) -> None:
    """A name server is an address with or without a port."""
    assert read_server(text) == server
    dns = Dns(text)
    assert (str(dns._resolver.nameservers[0]), dns._resolver.port) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "localhost:53",
        "dns.example.org",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:",
        "127.0.0.1:x",
        "[::1]",
        "x::1]:53",
        "[::1:53",
    ],
)
def test_no_server(text: str) -> None:
    """Anything else is told to the operator when the program starts."""
    with pytest.raises(SettingsError, match=r"is no address and port; write it like 127\.0\.0\.1:53$"):
        Dns(text)


def test_records_of_a_mapping() -> None:
    """Neither case nor a dot at the end matters; another name does not exist."""
    records = Records({"S1._domainkey.Example.org.": ["v=DKIM1; p=ä", ""], "a": []})
    assert records.txt(NAME) == records.txt(f"{NAME.upper()}.") == ("v=DKIM1; p=ä".encode(), b"")
    assert records.txt("a") == records.txt("b") == ()


def test_a_record_that_is_no_text() -> None:
    """JSON can hold half a character; the record is then no key, and that is all."""
    assert Records({NAME: ["p=\ud800"]}).txt(NAME) == (b"p=?",)


def test_without_a_network() -> None:
    """Looking at a file never asks anybody, and says what would help."""
    with pytest.raises(Away, match=r"^inspect asks no name server; give --dns FILE$"):
        NoNetwork().txt(NAME)


def test_a_name_is_asked_for_once(server: DnsServer) -> None:
    """A backlog of one domain costs one query; each name has its own answer."""
    known = Remembered(Dns(server.server))
    assert [known.txt(NAME) for _ in range(3)] == [(b"v=DKIM1; p=abc",)] * 3
    assert known.txt("other.example.org") == known.txt("other.example.org") == ()
    assert server.asked == [("udp", NAME), ("udp", "other.example.org")]


def test_a_dns_that_is_away_is_waited_for_once(server: DnsServer) -> None:
    """The second time the same is said without a wait."""
    server.behave[NAME] = "servfail"
    known = Remembered(Dns(server.server))
    told = []
    for _ in range(2):
        with pytest.raises(Away) as caught:
            known.txt(NAME)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert len(server.asked) == 1


def test_what_is_remembered_is_forgotten(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute it is asked for again, so that a DNS that is back is noticed."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    known = Remembered(Records({NAME: ["old"]}))
    assert known.txt(NAME) == (b"old",)
    known._source = Records({NAME: ["new"]})
    now[0] += 60
    assert known.txt(NAME) == (b"old",)
    now[0] += 0.1
    assert known.txt(NAME) == (b"new",)
    now[0] += 60
    assert known.txt(NAME) == (b"new",)


def test_only_so_much_is_remembered() -> None:
    """A mail with names of its own cannot fill the memory."""
    known = Remembered(Records({}), most=3)
    for n in range(10):
        known.txt(f"{n}.example.org")
        assert len(known._answers) <= 3
    assert "9.example.org" in known._answers
    assert Remembered(Records({}))._most == 256


def test_selectors_of_a_domain_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up selectors cost one question a minute, other domains are asked for, and an answer ends it."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    source = Wedged()
    known = Remembered(source)
    for n in range(5):
        with pytest.raises(Away):
            known.txt(f"s{n}._domainkey.example.org")
    assert source.asked == ["s0._domainkey.example.org"]
    with pytest.raises(Away):
        known.txt("s1._domainkey.example.net")
    assert len(source.asked) == 2
    now[0] += 60.1
    source.away = False
    assert known.txt("s6._domainkey.example.org") == known.txt("s7._domainkey.example.org") == (b"x",)


class Wedged:
    """A DNS that is away until it is told otherwise."""

    def __init__(self) -> None:
        self.away = True
        self.asked: list[str] = []

    def txt(self, name: str, seconds: float = 0) -> Sequence[bytes]:
        """Answer or not."""
        self.asked.append(name)
        if self.away:
            raise Away(name)
        return (b"x",)


def test_what_is_said_of_a_failure(server: DnsServer) -> None:
    """The name and what happened, no address and no port."""
    server.behave[NAME] = "servfail"
    with pytest.raises(Away) as caught:
        Dns(server.server).txt(NAME)
    assert str(caught.value) == f"{NAME}: SERVFAIL"
