"""Requests to a chat over HTTP (RFC 9110), bounded in time and size; no redirect is followed, and no proxy is used."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mailproc import Transient
from mailproc.gateway.answer import Answer
from mailproc.reading import one_line
from mailproc.transport import is_loopback

if TYPE_CHECKING:
    import ssl

    from urllib3.connection import HTTPConnection

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0  # for each request, however slowly its answer trickles, beside what its body takes
SLOWEST = 256 * 1024  # octets of a body in a second
LONGEST_ANSWER = 1024 * 1024  # octets

_LATE = "no whole answer in time"
_MOMENT = 0.05  # seconds that a request gets at the least, so that no time limit is 0

# It warns of odd fields of a header with the whole URL, which may be a secret.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Unsent(Transient):
    """The server is away, and has heard nothing of the request."""


class Declined(Transient):
    """The server has answered that it has not done what was asked for."""


def read_url(text: str) -> str:
    """The URL of a target, unchanged. Raises ValueError with the fix."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("url: must be of visible ASCII")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("url: its host or port is none; write it as https://HOST[:PORT][/PATH]") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("url: must be https://HOST[:PORT][/PATH]")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("url: http: sends mail and keys in the clear; use https:")
    if parts.username is not None or parts.fragment:
        raise ValueError("url: neither a user name nor a # may stand in it")
    return text


@dataclass(frozen=True, slots=True)
class Site:
    """Where a target is, and how long an errand may take there, in seconds."""

    url: str
    ca_file: Path | None
    patience: float

    @property
    def called(self) -> str:
        """What errors call it: a URL's path may be a secret, and its query too."""
        parts = urlsplit(self.url)
        return f"the chat ({parts.scheme}://{parts.netloc})"


@dataclass(slots=True)
class Visit:
    """The requests of one errand, which have one time limit together.

    What a server repeats of ``secrets`` is not read.
    """

    site: Site
    log: logging.LoggerAdapter[logging.Logger]
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    _deadline: float = field(init=False)
    _context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.site.patience

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """What the server answers to one request, on a connection of its own: one that was kept may be dead already, and then
        nobody knows what became of the request.

        Raises `Unsent` where it cannot be reached, and `Transient` where there is no whole answer, or one by which we are to
        wait or are not let in.
        """
        from urllib3.connection import HTTPException
        from urllib3.exceptions import HTTPError

        trouble = (HTTPError, HTTPException, OSError, ValueError)
        connection = self._connection()
        try:
            connection.connect()
        except trouble as error:
            connection.close()
            raise Unsent(f"{self.site.called}: {_trouble(error)}") from None
        parts = urlsplit(self.site.url)
        target = (parts.path + path or "/") + (f"?{parts.query}" if parts.query else "")
        with _cut_after(self._seconds(ANSWER_SECONDS + len(body or b"") / SLOWEST), connection) as cut:
            try:
                answer = self._asked(connection, method, target, headers, body)
            except trouble as error:
                raise Transient(f"{self.site.called}: {_LATE if cut.is_set() else _trouble(error)}") from None
        if cut.is_set():
            raise Transient(f"{self.site.called}: {_LATE}")
        return self._heeded(answer)

    def _connection(self) -> HTTPConnection:
        from urllib3.connection import HTTPConnection, HTTPSConnection

        parts = urlsplit(self.site.url)
        host, seconds = parts.hostname or "", self._seconds(CONNECT_SECONDS)
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port, timeout=seconds)
        return HTTPSConnection(host, parts.port, timeout=seconds, ssl_context=self._trusting(), cert_reqs="CERT_REQUIRED")

    def _trusting(self) -> ssl.SSLContext:
        """What verifies certificates. It is not that of other connections, for urllib3 makes it one of HTTP (RFC 7301)."""
        import ssl  # a run that posts nothing needs none

        if self._context is None:
            file = self.site.ca_file
            try:
                self._context = ssl.create_default_context(cafile=file)
            except OSError as error:
                self.log.error("ca_file: %s: %s; it must be a file of PEM certificates", file, error.strerror or error)
                raise Unsent(f"{self.site.called}: the ca_file cannot be used") from None
        return self._context

    def _seconds(self, limit: float) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Unsent(f"{self.site.called}: it took more than {self.site.patience:g} s")
        return max(min(limit, left), _MOMENT)

    def _asked(
        self, connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        connection.request(method, target, body, headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        read = b""
        while chunk := response.read(LONGEST_ANSWER - len(read)):  # the last one finds out where something is missing
            read += chunk
        for secret in self.secrets:
            read = read.replace(secret, b"***")
        return Answer(response.status, dict(response.headers), read)

    def _heeded(self, answer: Answer) -> Answer:
        """The same, unless it is one after which every target is tried again."""
        status, called = answer.status, self.site.called
        if status in {401, 403}:  # a wrong key is the operator's, and must not cost a mail
            self.log.error("%s does not let us in: %d %s; check the key, and what it may do", called, status, answer.line)
            raise Declined(f"{called}: {status}, it does not let us in")
        if 300 <= status < 400:
            self.log.error("%s answers %d, which is not followed; put the right URL into url", called, status)
            raise Declined(f"{called}: {status}, it is elsewhere")
        if status == 429:
            raise Declined(f"{called}: {status}, too many requests", after=answer.retry_after)
        if status >= 500 or status in {408, 425}:
            raise Transient(f"{called}: {status}", after=answer.retry_after)
        return answer


@contextmanager
def _cut_after(seconds: float, connection: HTTPConnection) -> Iterator[Event]:
    """Have a connection shut down when the time is over, which the event then tells, and closed in the end.

    A time limit of a socket is one of each single wait, so that a server that trickles would keep us for hours. The duplicate
    outlives the socket, which TLS takes over.
    """
    connection.timeout = seconds
    connection.sock.settimeout(seconds)
    cut, handle = Event(), socket.socket(fileno=socket.dup(connection.sock.fileno()))

    def end() -> None:
        cut.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        timer.join()
        handle.close()
        connection.close()


def _trouble(error: Exception) -> str:
    import ssl

    from urllib3.exceptions import TimeoutError as Late

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {one_line(error.verify_message)}; check the host, or name a ca_file"
    cause = error.__cause__ or error  # urllib3 wraps what the machine has said
    if isinstance(cause, OSError) and cause.strerror:
        return one_line(cause.strerror)
    if isinstance(error, TimeoutError | Late):
        return _LATE
    return f"its answer is no HTTP: {type(error).__name__}"
