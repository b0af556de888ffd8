"""What clients may take: connections, commands, recipients, messages, and time."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import pytest

from mailproc.reply import Reply
from mailproc.smtpd.door import SECONDS
from mailproc.smtpd.limits import Census, Limits, counted, plain
from tests.smtpd.dialogue import Scripted, session, start_aiosmtpd, start_mailproc

DATA = ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA")
FULL = "421 4.7.0 Too many connections"


def test_connections_are_counted_in_all() -> None:
    """One too many is told so in place of the greeting, and a seat is free again when its client is gone."""
    with start_mailproc(limits=Limits(connections=2)) as server:
        with server.greeted(), server.greeted(), server.client() as third:
            assert third.reply() == FULL
            assert third.closed()
        server.wait_until_empty()
        with server.client() as client:
            assert client.reply().startswith("220 ")


def test_connections_are_counted_by_address(caplog: pytest.LogCaptureFixture) -> None:
    """Three hundred from one address get no more than their ten seats, and are logged once."""
    with start_mailproc() as server:
        clients = [server.client() for _ in range(300)]
        greetings = [client.reply() for client in clients]
        for client in clients:
            client.socket.close()
        server.wait_until_empty()
    assert (greetings.count(FULL), len(greetings)) == (290, 300)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "too many connections from 127.0.0.1: more are refused"
    ]


def test_aiosmtpd_counts_nothing() -> None:
    """What is mended here."""
    with start_aiosmtpd() as server:
        clients = [server.client() for _ in range(30)]
        assert {client.reply() for client in clients} == {"220 mx.example.org test"}
        assert session(server, "EHLO x", "MAIL FROM:<>", *["RCPT TO:<a@b.example>"] * 200)[-1] == "250 OK"
        for client in clients:
            client.socket.close()


@pytest.mark.parametrize("lmtp", [False, True])
def test_who_guesses_addresses_is_slow(monkeypatch: pytest.MonkeyPatch, lmtp: bool) -> None:
    """After twenty refusals each further one takes its time, at SMTP; who writes to somebody there does not wait."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("mailproc.smtpd.door.sleep", wait)
    nobody = [f"r{n}@example.org" for n in range(25)]
    reception = Scripted(recipients=dict.fromkeys(nobody, Reply(550, "5.1.1", "no")))
    lines = ("LHLO x" if lmtp else "EHLO x", "MAIL FROM:<>", *[f"RCPT TO:<{each}>" for each in [*nobody, "ann@example.org"]])
    with start_mailproc(reception, lmtp=lmtp) as server:
        assert session(server, *lines)[3:] == ["550 5.1.1 no"] * 25 + ["250 OK"]
        assert waited == ([] if lmtp else [SECONDS] * 5)
        assert session(server, *lines[:5])[3:] == ["550 5.1.1 no"] * 3
    assert len(waited) == (0 if lmtp else 5)


def test_recipients_are_counted() -> None:
    """Those beyond the limit are for another message, and the reception is not asked about them."""
    reception = Scripted()
    lines = ("EHLO x", "MAIL FROM:<>", *[f"RCPT TO:<r{n}@example.org>" for n in range(15)])
    with start_mailproc(reception, limits=Limits(recipients=3)) as server:
        replies = session(server, *lines)
    assert replies[3:] == ["250 OK"] * 3 + ["452 4.5.3 Too many recipients"] * 12
    assert len(reception.asked) == 3


def test_recipients_of_anybodys_handler_are_counted() -> None:
    """Also where it has no hook for them."""
    with start_mailproc(handler=object(), limits=Limits(recipients=1)) as server:
        replies = session(server, "EHLO x", "MAIL FROM:<>", *["RCPT TO:<a@b.example>"] * 2)
    assert replies[3:] == ["250 OK", "452 4.5.3 Too many recipients"]


@pytest.mark.parametrize(("command", "times"), [("NOOP", 100), ("HELP", 20), ("VRFY x", 20)])
def test_commands_are_counted(command: str, times: int) -> None:
    """One too many ends the session."""
    with start_mailproc() as server:
        replies = session(server, "EHLO x", *[command] * (times + 1))
    assert replies[-1] == f"421 4.7.0 {command[:4]} sent too many times"
    assert "421" not in {reply[:3] for reply in replies[:-1]}


def test_messages_of_an_address_are_counted() -> None:
    """One too many is for later, also over another connection; nothing is wrong with the session."""
    lines = ("EHLO x", "MAIL FROM:<>", "RSET")
    later = "450 4.7.1 Too many messages, try again later"
    with start_mailproc(limits=Limits(rate=((3, 60),))) as server:
        assert session(server, *lines, *lines[1:])[2::2] == ["250 OK", "250 OK"]
        assert session(server, *lines, *lines[1:], "NOOP")[2:] == ["250 OK", "250 OK", later, "250 OK", "250 OK"]


def test_rates_have_windows() -> None:
    """Each window counts for itself, what was refused is not counted, and a Unix socket has no rate."""
    times = iter([1000.0, 1001.0, 1002.0, 1010.0, 1011.0, 1099.0, 1100.0, 1101.0, 1101.0])
    census = Census(Limits(rate=((2, 10), (3, 100))), clock=lambda: next(times))
    sent = [census.may_send("192.0.2.1") for _ in range(8)]
    assert sent == [True, True, False, True, False, False, True, True]
    assert census.may_send("192.0.2.2")
    assert all(census.may_send("") for _ in range(9))


def test_the_memory_of_senders_is_bounded() -> None:
    """Whoever was heard of longest ago is forgotten first."""
    census = Census(Limits(rate=((1, 60),)))
    assert census.may_send("192.0.2.1")
    for number in range(10_000):
        assert census.may_send(f"10.0.{number // 256}.{number % 256}")
    assert census.may_send("192.0.2.1")
    assert len(census._sent) == 10_000


def test_a_place_is_counted_once_and_freed_once() -> None:
    """Whatever it held is free, too."""
    census = Census(Limits(connections=2, connections_per_address=1, octets=10))
    seat = census.enter("192.0.2.1")
    assert seat is not None
    assert census.enter("192.0.2.1") is None
    assert seat.hold(5)
    assert not seat.hold(1)
    seat.leave()
    seat.leave()
    assert (census.octets, census.seats, dict(census._by_address)) == (0, set(), {})
    assert census.enter("192.0.2.1")


def test_no_client_takes_all_the_room() -> None:
    """Each holds at most half of what the others leave: however many there are, the next one has room for a small message."""
    census = Census(Limits(octets=1024))
    taken = []
    for number in range(8):
        seat = census.enter(f"192.0.2.{number}")
        assert seat is not None
        while seat.hold(1):
            continue
        taken.append(seat.octets)
    assert taken == [512, 256, 128, 64, 32, 16, 8, 4]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("192.0.2.1", 25), "192.0.2.1"),
        (("::ffff:192.0.2.1", 25, 0, 0), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 25, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 25, 0, 3), "fe80::/64"),
        ("", ""),
        (b"", ""),
        (None, ""),
    ],
)
def test_what_a_client_counts_under(peer: object, address: str) -> None:
    """A customer's whole IPv6 network is one client, and IPv4 inside of IPv6 is IPv4."""
    assert counted(plain(peer)) == address


def test_an_idle_session_ends() -> None:
    """Without a word, as aiosmtpd does it."""
    with start_mailproc(limits=Limits(timeout=0.1)) as server, server.greeted() as client:
        assert client.closed()


def test_a_client_that_reads_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiosmtpd would close its connection only when it has read everything."""
    monkeypatch.setattr("mailproc.smtpd.connection._GRACE", 0.1)
    with start_mailproc(limits=Limits(timeout=0.2)) as server, server.greeted() as client:
        assert server.census is not None
        (seat,) = server.census.seats
        transport = seat.occupant.transport  # type: ignore[union-attr]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.send(b"\r\n" * 50_000)
        server.wait_until(transport.get_write_buffer_size)
        server.wait_until_empty()


def test_a_message_may_take_longer_than_the_time_between_two_lines() -> None:
    """aiosmtpd would cut one that has not come wholly after that time; here a line is a sign of life."""
    with start_mailproc(limits=Limits(timeout=0.4)) as server, server.greeted(*DATA) as client:
        client.socket.settimeout(0.15)
        for _ in range(5):
            client.send(b"x\r\n")
            with pytest.raises(TimeoutError):
                client.line()
        assert client.say(".") == "250 OK"


@pytest.mark.parametrize("lines", [(), DATA])
def test_a_session_ends_whatever_its_client_sends(lines: tuple[str, ...]) -> None:
    """One octet at a time holds no place for ever, in a command and in a message."""
    with start_mailproc(limits=Limits(session=0.3)) as server, server.greeted(*lines) as client:
        client.socket.settimeout(0.05)
        told = ""
        while not told:
            client.send(b"x\r\n"[:1])
            try:
                told = client.line()
            except TimeoutError:
                continue
        assert told == "421 4.4.2 Session takes too long"
        server.wait_until_empty()


def test_a_message_that_is_being_worked_outlasts_the_session() -> None:
    """Its client is answered, and then the session ends."""

    async def slowly() -> None:
        await asyncio.sleep(0.5)

    reception = Scripted(before_answer=slowly)
    with start_mailproc(reception, limits=Limits(session=0.2, timeout=0.2)) as server, server.greeted(*DATA) as client:
        assert client.say("x\r\n.") == "250 OK"
        assert client.reply() == "421 4.4.2 Session takes too long"
        assert client.closed()


def test_the_line_of_a_command_does_not_grow() -> None:
    """aiosmtpd allows longer ones after each EHLO, and shorter ones when somebody else has connected."""
    long, too_long = (f"MAIL FROM:<{'a' * n}@example.net>" for n in (524, 525))  # 512 + 26 for SIZE + 10 for SMTPUTF8
    with start_mailproc() as server:
        replies = session(server, *["EHLO x"] * 10, too_long, long)
        with server.greeted("EHLO x") as client, server.greeted():
            assert client.say(long) == "250 OK"
    assert replies[-2:] == ["500 Command line too long", "250 OK"]
    with start_aiosmtpd() as server:
        with server.greeted(*["EHLO x"] * 10) as client:
            assert client.say(too_long) == "250 OK"
        with server.greeted("EHLO x") as client, server.greeted():
            assert client.say(long) == "500 Command line too long"


def test_a_command_without_an_end_is_bounded() -> None:
    """Its octets are thrown away, and one line is told."""
    with start_mailproc() as server, server.greeted("EHLO x") as client:
        client.send(b"NOOP " + b"x" * (4 << 20))
        assert client.say("") == "500 Command line too long"
        assert client.say("NOOP") == "250 OK"


def test_a_client_that_sends_much_at_once_keeps_nobody_out() -> None:
    """It is another one's turn after a hundred lines, where aiosmtpd reads on as long as something has come."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*DATA[:2]) as busy, server.greeted(*DATA[:2]) as other:
        sent = threading.Event()
        server.loop.call_soon_threadsafe(sent.wait)
        busy.send(b"\r\n" * 2000 + b"RCPT TO:<busy@example.org>\r\n")
        other.send(b"RCPT TO:<other@example.org>\r\n")
        sent.set()
        server.wait_until(lambda: len(reception.asked) == 2)
    assert [recipient for *_, recipient in reception.asked] == ["other@example.org", "busy@example.org"]
