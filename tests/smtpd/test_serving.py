"""Serving at several sockets, and stopping without losing what was promised."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from mailproc.smtpd.door import Door
from mailproc.smtpd.doorstep import protocol_factory
from mailproc.smtpd.limits import Census, Limits
from mailproc.smtpd.listening import bind, read_listener, release
from mailproc.smtpd.serving import serve
from tests.smtpd.dialogue import HOSTNAME, TIMEOUT, Client, Scripted, client_context

FAREWELL = "421 4.3.2 shutting down"
BEGIN = ("EHLO x", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA")


class Serving:
    """A server by `serve` in a thread, at a port of SMTP, one of SMTPS, and a Unix socket of LMTP."""

    def __init__(self, folder: Path, tls: ssl.SSLContext, reception: Scripted, grace: float) -> None:
        self.reception, self.census = reception, Census(Limits())
        self.bound = [bind(read_listener(text))[0] for text in ("smtp://0", "smtps://0", f"lmtp:unix:{folder}/lmtp")]
        self.smtp, self.smtps, self.lmtp = (one.getsockname() for one in self.bound)
        self._stop, self._loop = asyncio.Event(), asyncio.new_event_loop()
        options: list[dict[str, Any]] = [{}, {"tls": tls}, {"lmtp": True}]
        doors = [(one, self._factory(**chosen)) for one, chosen in zip(self.bound, options, strict=True)]
        self.problems: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda _, context: self.problems.append(context))
        serving = serve(doors, self.census, self._stop, grace=grace)
        self.thread = threading.Thread(target=self._loop.run_until_complete, args=(serving,), daemon=True)
        self.thread.start()

    def _factory(self, **options: Any) -> Callable[[], asyncio.BaseProtocol]:
        return protocol_factory(
            SMTP, Door(self.reception), self.census, broken=self.reception.broken, hostname=HOSTNAME, **options
        )

    def stop(self) -> None:
        """Tell it to stop."""
        self._loop.call_soon_threadsafe(self._stop.set)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in its loop."""
        self._loop.call_soon_threadsafe(function)

    def client(self, *lines: str) -> Client:
        """A client of SMTP that has said these lines."""
        client = Client(self.smtp)
        client.reply()
        client.say_all(*lines)
        return client

    def assert_ended(self) -> None:
        """It has, and nothing is left."""
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive()
        assert (self.census.seats, self.problems) == (set(), [])


@pytest.fixture
def serving(tmp_path: Path, tls: ssl.SSLContext) -> Iterator[Callable[..., Serving]]:
    """Makes a server, which is stopped in the end."""
    with contextlib.ExitStack() as stack:

        def make(reception: Scripted | None = None, grace: float = TIMEOUT) -> Serving:
            server = Serving(tmp_path, tls, reception or Scripted(), grace)
            stack.callback(release, server.bound)
            stack.callback(server.thread.join, TIMEOUT)
            stack.callback(server.stop)
            return server

        yield make


def gate(server: Serving) -> tuple[threading.Event, Callable[[], None]]:
    """Makes each message wait: an event that one has come, and what lets it go on."""
    entered, opened = threading.Event(), asyncio.Event()

    async def waited() -> None:
        entered.set()
        await opened.wait()

    server.reception.before_answer = waited
    return entered, lambda: server.call(opened.set)


def test_each_door_has_its_protocol(serving: Callable[..., Serving]) -> None:
    """And the caller at a Unix socket has no address."""
    server = serving()
    with Client(server.smtp) as smtp, Client(server.smtps, tls=client_context()) as smtps, Client(server.lmtp) as lmtp:
        for client, hello in ((smtp, "EHLO x"), (smtps, "EHLO x"), (lmtp, "LHLO x")):
            client.reply()
            assert client.say_all(hello, *BEGIN[1:])[-1].startswith("354")
            assert client.say("x\r\n.") == "250 OK"
    callers = [caller for caller, *_ in server.reception.messages]
    assert [(caller.peer, caller.protocol, caller.tls) for caller in callers] == [
        ("127.0.0.1", "smtp", False),
        ("127.0.0.1", "smtp", True),
        ("", "lmtp", False),
    ]


def test_idle_sessions_are_told_and_nobody_new_is_let_in(serving: Callable[..., Serving]) -> None:
    """Also inside of TLS, inside of AUTH, and before the greeting of TLS."""
    server = serving()
    with (
        server.client() as fresh,
        server.client("EHLO x") as greeted,
        Client(server.smtps) as silent,
        Client(server.smtps, tls=client_context()) as inside,
    ):
        inside.reply()
        inside.say_all("EHLO x", "AUTH LOGIN")
        server.stop()
        assert [client.reply() for client in (fresh, greeted, inside)] == [FAREWELL] * 3
        assert all(client.closed() for client in (fresh, greeted, inside, silent))
    server.assert_ended()
    with pytest.raises(ConnectionRefusedError):
        Client(server.smtp)
    assert not Path(server.lmtp).exists()


def test_a_message_whose_dot_was_seen_is_answered(serving: Callable[..., Serving]) -> None:
    """And then its session ends, whatever its client has said in advance."""
    server = serving()
    entered, let_go = gate(server)
    with server.client(*BEGIN) as client:
        client.send(b"x\r\n.\r\nNOOP\r\nNOOP\r\n")
        assert entered.wait(TIMEOUT)
        server.stop()
        let_go()
        assert [client.reply(), client.reply()] == ["250 OK", FAREWELL]
        assert client.closed()
    server.assert_ended()


def test_a_message_that_has_begun_may_come_to_its_end(serving: Callable[..., Serving]) -> None:
    """Within the time that there is."""
    server = serving()
    with server.client(*BEGIN) as client, server.client() as idle:
        client.send(b"x\r\n")
        server.stop()
        assert idle.reply() == FAREWELL
        assert client.say(".") == "250 OK"
        assert client.reply() == FAREWELL
    server.assert_ended()


def test_whoever_is_left_is_cut_off(serving: Callable[..., Serving]) -> None:
    """A message that does not end and one that is still worked get no reply, and the stop has its time."""
    cancelled = threading.Event()
    server = serving(grace=0.2)

    async def forever() -> None:
        try:
            await asyncio.sleep(TIMEOUT)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server.reception.before_answer = forever
    with server.client(*BEGIN) as endless, server.client(*BEGIN) as worked:
        worked.send(b"x\r\n.\r\n")
        begin = time.monotonic()
        server.stop()
        assert endless.closed()
        assert worked.closed()
        server.assert_ended()
        assert time.monotonic() - begin < 2
    assert cancelled.wait(TIMEOUT)


def test_a_client_that_reads_nothing_stops_nobody(serving: Callable[..., Serving]) -> None:
    """What cannot be told it is not waited for beyond the time."""
    server = serving(grace=0.2)
    with server.client("EHLO x") as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(10_000):
                client.send(b"\r\n" * 4096)
        server.stop()
        server.assert_ended()
