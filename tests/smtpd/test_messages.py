"""Messages while they come: where they end, what is refused, and what they take in memory."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc

import pytest
from aiosmtpd.smtp import SMTP

from mailproc.smtpd.limits import Census, Limits
from tests.smtpd.dialogue import Client, Scripted, Server, start_aiosmtpd, start_mailproc

BEGIN = ("EHLO x", "MAIL FROM:<ann@example.net>", "RCPT TO:<bob@example.org>")
UNCLEAN = "554 5.6.0 Message has a bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8)"
NO_ROOM = "452 4.3.1 Too much mail is being received, try again later"
SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n"]
SMUGGLED = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: evil\r\n\r\n.\r\n"


def said_to(client: Client, content: bytes) -> str:
    """What is said to a content, and its dot."""
    client.say_all(*BEGIN[1:], "DATA")
    return client.say(content + b"\r\n.")


def test_an_ending_that_is_none_ends_no_message_and_is_refused() -> None:
    """Nobody sees the message, what follows the ending is no command, and the next message is handed over alone."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*BEGIN[:1]) as client:
        for ending in SMUGGLING:
            assert said_to(client, b"Subject: x\r\n\r\nx" + ending + SMUGGLED[:-5]) == UNCLEAN
            assert said_to(client, b"Subject: y") == "250 OK"
    assert [raw for *_, raw in reception.messages] == [b"Subject: y\r\n"] * len(SMUGGLING)


@pytest.mark.parametrize(
    "content", [b"a\rb", b"a\nb", b"a\0b", b"\r", b"\n", b"\0", b"a\r", b"\rx" * 400, b"x" * 997 + b"\n", b"\r\n\r\r\n"]
)
def test_a_bare_cr_lf_or_nul_is_refused(content: bytes) -> None:
    """Wherever it is, also at the end of a line that is as long as may be."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*BEGIN[:1]) as client:
        assert said_to(client, content) == UNCLEAN
    assert reception.messages == []


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"..", b"...\r\n.. x\r\n..", b"\xff\xfe\x1a\x7f", b"x" * 999, b".." + b"x" * 996]
)
def test_any_other_octets_are_taken_as_they_are(content: bytes) -> None:
    """Only the dots are undone, and ours and a bare aiosmtpd see the same."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*BEGIN[:1]) as client:
        assert said_to(client, content) == "250 OK"
    lines = [line.removeprefix(b".") for line in (content + b"\r\n").split(b"\r\n")]
    assert reception.messages[0][3] == b"\r\n".join(lines)


@pytest.mark.parametrize(
    "content", [b"x" * n for n in (998, 999, 1000, 1001, 1002, 1003, 5000)] + [b"0123456\r\n" * 120 + b"x" * 2000]
)
def test_lines_and_messages_that_are_too_long_are_told_as_by_aiosmtpd(content: bytes) -> None:
    """The code, the text, and that it comes after the dot."""
    replies = []
    for server in (start_mailproc(data_size_limit=1100), start_aiosmtpd(data_size_limit=1100)):
        with server, server.greeted(*BEGIN[:1]) as client:
            replies.append([said_to(client, content), said_to(client, b"x")])
    assert replies[0] == replies[1]


def test_a_line_without_an_end_takes_no_memory() -> None:
    """aiosmtpd would keep its pieces until a CRLF comes, also far beyond the size that is allowed."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*BEGIN, "DATA") as client:
        piece = b"x" * (1 << 20)
        tracemalloc.start()
        for _ in range(64):
            client.send(piece)
        assert client.say("\r\n.") == "500 Line too long (see RFC5321 4.5.3.1.6)"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert census_of(server).octets == 0
    assert peak < 4 << 20


def test_a_message_that_is_too_large_takes_no_room_while_it_goes_on() -> None:
    """Nor does what comes before the line in which that is seen."""
    with start_mailproc(data_size_limit=1100) as server, server.greeted(*BEGIN, "DATA") as client:
        client.send(b"0123456789\r\n" * 50)
        server.wait_until(lambda: census_of(server).octets)
        client.send(b"0123456789\r\n" * 50)
        server.wait_until(lambda: not census_of(server).octets)
        assert client.say(".") == "552 Error: Too much mail data"


def census_of(server: Server) -> Census:
    """What the server counts."""
    assert server.census is not None
    return server.census


def test_the_octets_in_hand_cover_what_the_lines_take() -> None:
    """Also for a message of empty lines, whose list is forty times as large as the message."""
    with start_mailproc() as server, server.greeted(*BEGIN, "DATA") as client:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        client.send(b"\r\n" * 5_000 + b"x")
        server.wait_until(lambda: census_of(server).octets >= 5_000 * (2 + 96))
        taken = tracemalloc.get_traced_memory()[0] - before
        counted = census_of(server).octets
        tracemalloc.stop()
        assert client.say("\r\n.") == "250 OK"
        assert taken < 1.1 * counted + 50_000
        client.socket.close()
        server.wait_until_empty()


def test_messages_in_hand_are_bounded_over_all_sessions() -> None:
    """One that finds no room is refused for now after its dot, and the others are not harmed."""
    reception = Scripted()
    with (
        start_mailproc(reception, limits=Limits(octets=100_000)) as server,
        server.greeted(*BEGIN, "DATA") as large,
        server.greeted(*BEGIN, "DATA") as small,
    ):
        large.send(b"a" * 900 + b"\r\n")
        small.send(b"b\r\n")
        assert large.say((b"c" * 898 + b"\r\n") * 200 + b".") == NO_ROOM
        assert census_of(server).octets < 200
        assert small.say(".") == "250 OK"
        assert said_to(large, b"x") == "250 OK"
    assert [raw for *_, raw in reception.messages] == [b"b\r\n", b"x\r\n"]


def test_a_message_for_which_there_is_no_room_is_refused_before_it_comes() -> None:
    """At MAIL where its size is told: a client may have half of what the others leave."""
    with start_mailproc(limits=Limits(octets=1000)) as server, server.greeted(*BEGIN[:1]) as client:
        assert client.say("MAIL FROM:<a@b.example> SIZE=501") == NO_ROOM
        with server.greeted(*BEGIN, "DATA") as other:
            other.send(b"x" * 402 + b"\r\n")
            server.wait_until(lambda: census_of(server).octets == 500)
            assert client.say("MAIL FROM:<a@b.example> SIZE=251") == NO_ROOM
            assert client.say("MAIL FROM:<a@b.example> SIZE=250") == "250 OK"


def test_a_client_that_ends_its_side_after_the_dot_is_answered() -> None:
    """aiosmtpd would cancel the work on its message."""
    reception = Scripted()
    with start_mailproc(reception) as server, server.greeted(*BEGIN, "DATA") as client:
        gate = asyncio.Event()
        reception.before_answer = gate.wait
        client.send(b"x\r\n.\r\nNOOP\r\nDATA\r\nMAIL")
        client.socket.shutdown(socket.SHUT_WR)
        server.wait_until(lambda: reception.messages)
        server.call(gate.set)
        assert [client.reply(), client.reply(), client.reply()] == ["250 OK", "250 OK", "503 Error: need RCPT command"]
        assert client.closed()
        assert server.problems == []
    assert reception.bugs == []


class Stumbling(SMTP):
    """A subclass of aiosmtpd's that has a bug in the middle of a message."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Read one line of it."""
        await self.push("354 go on")
        await self._reader.readuntil(b"\r\n")
        raise ValueError("secret")


def test_what_follows_a_bug_in_the_middle_of_a_message_is_no_command() -> None:
    """It is read to its dot, and then the bug is told."""
    reception = Scripted()
    with start_mailproc(reception, kind=Stumbling) as server, server.greeted(*BEGIN) as client:
        assert client.say("DATA") == "354 go on"
        client.send(b"first line\r\n" + SMUGGLED[:-5])
        assert client.say(".") == "451 4.3.0 Internal error, recorded as (OOPS-TEST-1)"
        assert client.say("NOOP") == "250 OK"
    assert [recipient for *_, recipient in reception.asked] == ["bob@example.org"]
