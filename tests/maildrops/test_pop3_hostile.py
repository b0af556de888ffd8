"""A POP3 server that lies, floods or stalls: bounded, told in one line, and nothing is deleted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.errors import Away, MailprocError
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3 import Pop3Drop
from tests.servers.pop3 import Answer, ScriptedPop3

NO_POP3: list[Answer] = [
    b"\xff\xfe\x00\r\n",
    b"220 smtp.example.org ESMTP\r\n",
    b"\r\n",
    b"",
    b"-ERR [SYS/TEMP] too many sessions\r\n",
    b"+" * 10_000,
]
LIES: list[Mapping[str, Answer]] = [
    {"UIDL": b"+OK\r\none 1\r\n.\r\n"},
    {"UIDL": b"+OK\r\n-1 one\r\n.\r\n"},
    {"UIDL": b"+OK\r\n99999999999999999999 one\r\n.\r\n"},
    {"UIDL": b"+OK\r\n1 " + b"x" * 9000 + b"\r\n.\r\n"},
    {"UIDL": b"1 one\r\n.\r\n"},
    {"LIST": b"+OK\r\n1 -10\r\n.\r\n"},
    {"LIST": b"+OK\r\n1 " + b"9" * 30 + b"\r\n.\r\n"},
    {"LIST": b"+OK\r\n\r\n.\r\n"},
    {"LIST": b"-ERR no\r\n"},
    {"LIST": b"+OK\r\n\xff\xff\r\n.\r\n"},
]
# What would speak for the server, if a mail's own bytes could end its transfer.
SMUGGLING = b"A: one\r\n\r\n\n.\n+OK\r\n\r.\r\n+OK\r\n.\n\r\n.\r+OK\r\n"


def opened(server: ScriptedPop3, read_timeout: float = 5.0) -> Pop3Drop:
    """Our maildrop there."""
    return Pop3Drop(Account("main", "127.0.0.1", server.port, "plain", "robot", "secret", read_timeout=read_timeout))


def fetched(drop: Pop3Drop) -> list[bytes]:
    """All that waits."""
    return [message.raw for message in drop.fetch(drop.waiting(drop.uids()))]


def deleted(server: ScriptedPop3) -> list[str]:
    """What the server was told to delete."""
    return [command for command in server.heard if command.startswith("DELE")]


@pytest.mark.parametrize("greeting", NO_POP3, ids=lambda greeting: str(greeting)[:20])
def test_what_greets_otherwise_gets_no_password(greeting: Answer) -> None:
    """A greeting that is none ends the connection, in one line."""
    with ScriptedPop3(greeting=greeting) as server, pytest.raises(Away, match="maildrop main: 127") as away:
        opened(server, read_timeout=0.2)
    assert str(away.value).isprintable()
    assert server.heard == []


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: str(lie)[:30])
def test_a_list_that_is_none_is_away(lie: Mapping[str, Answer]) -> None:
    """Numbers below 0, beyond all bounds or not there, lines without an end: nothing is made of such a list."""
    with ScriptedPop3(lie) as server:
        drop = opened(server)
        with pytest.raises(Away, match="maildrop main: 127") as away:
            drop.uids()
        drop.close()
    assert str(away.value).isprintable()
    assert deleted(server) == []


@pytest.mark.parametrize("command", ["UIDL", "LIST"])
def test_a_list_without_an_end_is_cut_off(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read as far as a long list may go, and what is kept of it is bounded."""
    monkeypatch.setattr("mailproc.maildrops.pop3_session._LIST_OCTETS", 50_000)
    monkeypatch.setattr("mailproc.maildrops.pop3_client._SLACK_OCTETS", 50_000)
    endless = partial(itertools.chain, [b"+OK\r\n"], itertools.repeat(b"7 7\r\n" * 5000))
    with ScriptedPop3({command: endless}) as server:
        drop = opened(server)
        with pytest.raises(Away, match="it sends more than it was asked for"):
            drop.uids()
    assert deleted(server) == []


def test_a_list_that_is_long_is_looked_at_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more messages than are looked at in one session, the first are; the others come when these have left."""
    monkeypatch.setattr("mailproc.maildrops.pop3_session._MOST_MESSAGES", 3)
    listed = b"".join(b"%d u%d\r\n" % (number, number) for number in range(1, 6))
    with ScriptedPop3(
        {"UIDL": b"+OK\r\n" + listed + b".\r\n", "LIST": b"+OK\r\n" + listed.replace(b"u", b"") + b".\r\n"}
    ) as server:
        drop = opened(server)
        assert list(drop.uids()) == ["u1", "u2", "u3"]
        assert [message.size for message in drop.waiting(["u3"])] == [3]
        drop.close()


def test_a_mail_without_an_end_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that goes on beyond twice its size is not read on; its neighbour is."""
    monkeypatch.setattr("mailproc.maildrops.pop3_client._SLACK_OCTETS", 10_000)
    endless = partial(itertools.chain, [b"+OK\r\n"], itertools.repeat(b"x" * 998 + b"\r\n"))
    with ScriptedPop3({"RETR 1": endless}) as server:
        drop = opened(server)
        assert fetched(drop) == [b"A: two\r\n\r\n"]
        assert drop.unreadable() == ["one"]
        drop.close()
    assert deleted(server) == []


def test_a_mail_cannot_speak_for_the_server() -> None:
    """Neither a bare LF nor a bare CR about a dot ends a mail, and such bytes come as they were sent."""
    with ScriptedPop3({"RETR 1": b"+OK\r\n" + SMUGGLING + b"..\r\n...\r\n.\r\n"}) as server:
        drop = opened(server)
        assert fetched(drop) == [SMUGGLING + b".\r\n..\r\n", b"A: two\r\n\r\n"]
        drop.close()


@pytest.mark.parametrize("body", [b"", b"\r\n", b"..\r\n", b"no end of line"])
def test_short_bodies_are_whole(body: bytes) -> None:
    """Also nothing, and a mail whose first line begins with a dot; what has no line end gets one, as POP3 must."""
    sent = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    with ScriptedPop3({"RETR 1": b"+OK\r\n" + sent + b".\r\n"}) as server:
        drop = opened(server)
        assert fetched(drop)[0] == sent.removeprefix(b".")
        drop.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_body_may_come_in_any_pieces(cut: int) -> None:
    """Dots, line ends and the end itself are known wherever the network has cut them."""
    said = b"+OK\r\nA: b\r\n\r\n..\r\n\r\r\n...x\r\n..\r\n\n..y\r\n.\r\n"

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(said), cut):
            yield said[start : start + cut]
            time.sleep(0.0005)

    with ScriptedPop3({"RETR 1": pieces}) as server:
        drop = opened(server)
        assert fetched(drop)[0] == b"A: b\r\n\r\n.\r\n\r\r\n..x\r\n.\r\n\n..y\r\n"
        drop.close()


def test_what_comes_behind_a_mail_is_no_answer() -> None:
    """Who says more than was asked is not listened to: the next answer would be that of another question."""
    with ScriptedPop3({"RETR 1": b"+OK\r\nA: one\r\n\r\n.\r\n+OK\r\nA: evil\r\n\r\n.\r\n"}) as server:
        drop = opened(server)
        assert fetched(drop) == [b"A: two\r\n\r\n"]
        assert drop.unreadable() == ["one"]
        drop.close()


PIECES = st.sampled_from(
    [b"+OK\r\n", b"-ERR\r\n", b".\r\n", b"1 one\r\n", b"2 20\r\n", b"\r\n", b"\n", b".", b"+", b"\x00", b"\xff 9"]
)
ANYTHING = st.lists(PIECES | st.binary(max_size=8), max_size=8).map(b"".join)


@settings(deadline=None, max_examples=60)
@given(listed=ANYTHING, sized=ANYTHING, sent=ANYTHING)
def test_any_bytes_are_mail_or_an_error(listed: bytes, sized: bytes, sent: bytes) -> None:
    """Whatever a server says, it is taken for mail or told in one line, and nothing is deleted."""

    def hanging_up(octets: bytes) -> Iterator[bytes]:
        yield octets
        raise OSError

    said = {"UIDL": listed, "LIST": sized, "RETR": sent}
    whole = {command: octets for command, octets in said.items() if octets.endswith(b"\n.\r\n")}
    with ScriptedPop3({**{command: partial(hanging_up, octets) for command, octets in said.items()}, **whole}) as server:
        try:
            drop = opened(server, read_timeout=0.1)
            assert all(isinstance(raw, bytes) for raw in fetched(drop))
            assert all(uid.isprintable() for uid in drop.unreadable())
            drop.close()
        except MailprocError as error:
            assert str(error).isprintable()
        assert deleted(server) == []


def test_a_server_that_drips_is_away() -> None:
    """An octet now and then keeps each silence short, but an answer has its time as a whole."""

    def drip() -> Iterator[bytes]:
        yield b"+OK\r\n"
        while True:
            time.sleep(0.02)
            yield b"1"

    with ScriptedPop3({"UIDL": drip}) as server:
        drop = opened(server, read_timeout=0.05)
        started = time.monotonic()
        with pytest.raises(Away, match="no answer in time"):
            drop.uids()
    assert time.monotonic() - started < 5


def test_a_server_that_says_nothing_is_away() -> None:
    """No answer within the read timeout ends the session; a goodbye that is not answered costs no error."""
    with ScriptedPop3({"UIDL": b""}) as server:
        drop = opened(server, read_timeout=0.1)
        with pytest.raises(Away, match="no answer in time"):
            drop.uids()
        drop.close()
    assert server.connections <= 3
