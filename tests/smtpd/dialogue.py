"""Raw sessions with a real server on loopback: ours, or a bare aiosmtpd with the same parameters.

::

    with start_mailproc(reception) as server, server.client() as client:
        assert client.reply() == "220 mx.example.org Python SMTP 1.4.6"
        assert client.say("EHLO client.example.net")[-1] == "250 HELP"
        assert client.say_all("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA") == [...]
        client.send(b"Subject: x\\r\\n\\r\\n.\\r\\n")
        assert client.closed()

``start_aiosmtpd(handler)`` is the other one; `session` plays one list of lines at both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from mailproc.reply import Reply
from mailproc.smtpd import Caller
from mailproc.smtpd.door import Door
from mailproc.smtpd.doorstep import protocol_factory
from mailproc.smtpd.limits import Census, Limits, Network

HOSTNAME = "mx.example.org"
IDENT = "test"
TIMEOUT = 10.0  # seconds that a client waits for a line before its test fails
PLAIN_OK = Reply(250, "", "OK")  # as aiosmtpd says it


@dataclass
class Scripted:
    """A `Reception` that records what it is asked and answers as it is told.

    ``recipients``   the reply to RCPT, or the exception to raise, by address; `PLAIN_OK` for others
    ``answers``      what comes of each message in turn: a reply for all, replies, or an exception; then `PLAIN_OK`
    ``logins``       the users' passwords; ``login_error`` is raised instead
    ``oops``         the id of a recorded bug, or what is raised because it cannot be recorded
    ``before_answer``  is awaited after a message has been recorded
    """

    recipients: dict[str, Reply | Exception] = field(default_factory=dict)
    answers: list[Reply | Sequence[Reply] | Exception] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)
    login_error: Exception | None = None
    oops: str | Exception = "OOPS-TEST-1"
    before_answer: Callable[[], Any] | None = None
    asked: list[tuple[Caller, str, str]] = field(default_factory=list)
    messages: list[tuple[Caller, str, list[str], bytes]] = field(default_factory=list)
    tried: list[tuple[Caller, str, str, str]] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)

    async def recipient(self, caller: Caller, reverse_path: str, recipient: str) -> Reply:
        """Record, and answer what is scripted."""
        self.asked.append((caller, reverse_path, recipient))
        return _told(self.recipients.get(recipient, PLAIN_OK))

    async def message(self, caller: Caller, reverse_path: str, recipients: Sequence[str], raw: bytes) -> Sequence[Reply]:
        """Record, and answer what is scripted."""
        self.messages.append((caller, reverse_path, list(recipients), raw))
        if self.before_answer:
            await self.before_answer()
        answer = self.answers.pop(0) if self.answers else PLAIN_OK
        if isinstance(answer, Exception):
            raise answer
        return [answer] * (len(recipients) if caller.protocol == "lmtp" else 1) if isinstance(answer, Reply) else answer

    async def login(self, caller: Caller, mechanism: str, username: str, password: str) -> bool:
        """Record, and compare."""
        self.tried.append((caller, mechanism, username, password))
        if self.login_error:
            raise self.login_error
        return self.logins.get(username) == password

    async def broken(self, caller: Caller, error: Exception) -> str:
        """Record."""
        self.bugs.append(error)
        if isinstance(self.oops, Exception):
            raise self.oops
        return self.oops


def _told(answer: Reply | Exception) -> Reply:
    if isinstance(answer, Exception):
        raise answer
    return answer


class Client:
    """A client that sends octets and reads reply lines; nothing of SMTP is known to it but where a reply ends."""

    def __init__(
        self, address: Any, *, tls: ssl.SSLContext | None = None, timeout: float = TIMEOUT, source: str | None = None
    ) -> None:
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(timeout)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self._buffer = b""
        if tls is not None:
            self.start_tls(tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.close()

    def start_tls(self, context: ssl.SSLContext | None = None) -> None:
        """Do the handshake; what was received in clear and not read is forgotten, as RFC 3207 wants it."""
        self._buffer = b""
        self.socket = (context or client_context()).wrap_socket(self.socket)

    def send(self, octets: bytes) -> None:
        """Send these octets as they are."""
        self.socket.sendall(octets)

    def line(self) -> str:
        """The next line without its CRLF; "" when the connection has ended."""
        while b"\r\n" not in self._buffer:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                return ""
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("utf-8", "backslashreplace")

    def replies(self) -> list[str]:
        """The lines of the next reply."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return lines

    def reply(self) -> str:
        """The next reply, its lines joined by " / "; "" when the connection has ended."""
        return " / ".join(self.replies())

    def say(self, line: str | bytes) -> str:
        """Send one line and its CRLF, and read the reply to it."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def say_all(self, *lines: str | bytes) -> list[str]:
        """Send the lines one by one, each after the reply to the one before."""
        return [self.say(line) for line in lines]

    def closed(self) -> bool:
        """Whether the server has ended the connection without another word."""
        return self.line() == "" and not self._buffer


class Server:
    """A server in a thread with an event loop of its own; ``address`` is where it listens."""

    def __init__(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        path: Path | None = None,
        tls: ssl.SSLContext | None = None,
        census: Census | None = None,
    ) -> None:
        self.census = census
        self.loop = asyncio.new_event_loop()
        self.problems: list[dict[str, Any]] = []  # what would have been logged as nobody's exception
        self.loop.set_exception_handler(lambda _, context: self.problems.append(context))
        if path is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            self._socket.bind(("127.0.0.1", 0))
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(path))
        self.address = self._socket.getsockname()
        self._factory, self._tls = factory, tls
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        ready = self.loop.create_task(self._listen())
        started = threading.Event()
        ready.add_done_callback(lambda _: started.set())
        self._thread.start()
        assert started.wait(TIMEOUT)
        self._server = ready.result()
        return self

    async def _listen(self) -> asyncio.Server:
        return await self.loop.create_server(self._factory, sock=self._socket, ssl=self._tls, backlog=1000)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(TIMEOUT)
        self.loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, coroutine: Any) -> Any:
        """What a coroutine answers that is run in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function answers that is called in the server's loop."""

        async def called() -> Any:
            return function(*arguments)

        return self.run(called())

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so in the server's loop."""

        async def waited() -> None:
            while not condition():
                await asyncio.sleep(0.001)

        self.run(waited())

    def wait_until_empty(self) -> None:
        """Wait until no connection has a place any more, nor an octet."""
        census = self.census
        assert census is not None
        self.wait_until(lambda: not census.seats)
        assert census.octets == 0

    def client(self, **options: Any) -> Client:
        """A client that has connected."""
        return Client(self.address, **options)

    @contextlib.contextmanager
    def greeted(self, *lines: str | bytes, **options: Any) -> Iterator[Client]:
        """A client that has read the greeting and said these lines without looking at the replies."""
        with self.client(**options) as client:
            client.reply()
            client.say_all(*lines)
            yield client


def start_mailproc(
    reception: Any = None,
    *,
    kind: type[SMTP] = SMTP,
    handler: Any = None,
    lmtp: bool = False,
    limits: Limits | None = None,
    proxies: Sequence[Network] = (),
    path: Path | None = None,
    tls: ssl.SSLContext | None = None,
    **parameters: Any,
) -> Server:
    """Our server: a `Door` over the reception (a new `Scripted` when there is none), or a handler of aiosmtpd's.

    ``parameters`` are those of aiosmtpd's SMTP; ``tls`` is for implicit TLS, ``path`` for a Unix socket.
    """
    reception = reception or Scripted()
    census = Census(limits or Limits(), proxies)
    factory = protocol_factory(
        kind,
        handler or Door(reception),
        census,
        broken=reception.broken,
        lmtp=lmtp,
        tls=tls,
        **{"hostname": HOSTNAME, "ident": IDENT} | parameters,
    )
    return Server(factory, path=path, census=census)


class Silent:
    """A handler of aiosmtpd's that takes every message."""


def start_aiosmtpd(
    handler: Any = None,
    *,
    kind: type[SMTP] = SMTP,
    lmtp: bool = False,
    path: Path | None = None,
    tls: ssl.SSLContext | None = None,
    **parameters: Any,
) -> Server:
    """A bare aiosmtpd with the same parameters, without our limits."""
    chosen = {"hostname": HOSTNAME, "ident": IDENT, "enable_SMTPUTF8": True, "data_size_limit": Limits().size} | parameters
    chosen_kind = LMTP if lmtp else kind
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # what clients say may be no UTF-8, and is in no report then
    return Server(lambda: chosen_kind(handler or Silent(), **chosen), path=path, tls=tls)


def session(server: Server, *lines: str | bytes, tls: ssl.SSLContext | None = None) -> list[str]:
    """The greeting and the replies to these lines, each sent after the reply to the one before; "" is the end."""
    with server.client(tls=tls) as client:
        replies = [client.reply()]
        for line in lines:
            replies.append(client.say(line) if replies[-1] else "")
        return replies


def codes(replies: Sequence[str]) -> list[str]:
    """The code and the enhanced status code of each reply."""
    return [" ".join(reply.split()[:2]) for reply in replies]


def client_context() -> ssl.SSLContext:
    """TLS of a client that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
