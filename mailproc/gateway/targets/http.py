"""Requests to a chat over HTTP (RFC 9110), bounded in time and size; no redirect is followed, and no proxy is used."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Timer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailproc import Away, Transient
from mailproc.gateway.targets.response import Response
from mailproc.gateway.targets.service import Service, without
from mailproc.reading import one_line

if TYPE_CHECKING:
    import ssl

    from urllib3.connection import HTTPConnection

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0  # for each request, however slowly its answer trickles, beside what its body takes
SLOWEST = 256 * 1024  # octets of a body in a second
LONGEST_ANSWER = 2 * 1024 * 1024  # octets

_LATE = "no whole answer in time"
_MOMENT = 0.05  # seconds that a request gets at the least, so that no time limit is 0

# It warns of odd fields of a header with the whole URL, which may be a secret.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Unsent(Away):
    """The server is away, and has heard nothing of the request."""


class Declined(Away):
    """The server has answered that it has not done what was asked for, nor would do anything else."""


@dataclass(slots=True)
class Visit:
    """The requests of one errand, which have one time limit together.

    Nobody is shown what a server repeats of ``secrets``, nor of the URL.
    """

    service: Service
    log: logging.LoggerAdapter[logging.Logger]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    _deadline: float = field(init=False)
    _context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.service.patience
        self.secrets |= self.service.secrets

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """What the server answers to one request, on a connection of its own: one that was kept may be dead already, and then
        nobody knows what became of the request.

        Raises `Away` where there is no whole answer, or one by which we are to wait or are not let in, and `Transient` where
        the server has failed at this request alone, or the time is over.
        """
        from urllib3.connection import HTTPException
        from urllib3.exceptions import HTTPError

        trouble = (HTTPError, HTTPException, OSError, ValueError)
        connection = self._connection()
        try:
            connection.connect()
        except trouble as error:
            connection.close()
            raise Unsent(f"{self.service.called}: {_trouble(error)}") from None
        parts = urlsplit(self.service.url)
        target = (parts.path + path or "/") + (f"?{parts.query}" if parts.query else "")
        with _cut_after(self._seconds(ANSWER_SECONDS + len(body or b"") / SLOWEST), connection) as cut:
            try:
                answer = self._asked(connection, method, target, headers, body)
            except trouble as error:
                raise Away(f"{self.service.called}: {_LATE if cut.is_set() else _trouble(error)}") from None
        if cut.is_set():
            raise Away(f"{self.service.called}: {_LATE}")
        return self._heeded(answer)

    def shown(self, text: str) -> str:
        """A line for people with what the server has said in it, without the secrets."""
        return without(self.secrets, text)

    def _connection(self) -> HTTPConnection:
        from urllib3.connection import HTTPConnection, HTTPSConnection

        parts = urlsplit(self.service.url)
        host, seconds = parts.hostname or "", self._seconds(CONNECT_SECONDS)
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port, timeout=seconds)
        return HTTPSConnection(host, parts.port, timeout=seconds, ssl_context=self._trusting(), cert_reqs="CERT_REQUIRED")

    def _trusting(self) -> ssl.SSLContext:
        """What verifies certificates. It is not that of other connections, for urllib3 makes it one of HTTP (RFC 7301)."""
        import ssl  # a run that posts nothing needs none

        if self._context is None:
            file = self.service.ca_file
            try:
                self._context = ssl.create_default_context(cafile=file)
            except OSError as error:
                self.log.error("ca_file: %s: %s; it must be a file of PEM certificates", file, error.strerror or error)
                raise Unsent(f"{self.service.called}: the ca_file cannot be used") from None
        return self._context

    def _seconds(self, limit: float) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Transient(f"{self.service.called}: it took more than {self.service.patience:g} s")
        return max(min(limit, left), _MOMENT)

    def _asked(
        self, connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        connection.response_class = _final(connection.response_class)
        connection.request(method, target, body, headers, preload_content=False, decode_content=False)
        response = connection.getresponse()
        read = b""
        while chunk := response.read(LONGEST_ANSWER - len(read)):  # the last one finds out where something is missing
            read += chunk
        return Response(response.status, dict(response.headers), read, self.secrets)

    def _heeded(self, answer: Response) -> Response:
        """The same, unless it is one after which every target is tried again."""
        status, called = answer.status, self.service.called
        if status in {401, 403}:  # a wrong key is the operator's, and must not cost a mail
            self.log.error("%s does not let us in: %d %s; check the key, and what it may do", called, status, answer.line)
            raise Declined(f"{called}: {status}, it does not let us in")
        if status < 200 or 300 <= status < 400:
            self.log.error("%s answers %d, which is not followed; put the right URL into url", called, status)
            raise Declined(f"{called}: {status}, it is elsewhere")
        if status == 429:
            raise Declined(f"{called}: {status}, too many requests", after=answer.retry_after)
        if status in {502, 503, 504}:
            raise Away(f"{called}: {status}", after=answer.retry_after)
        if status >= 500 or status in {408, 425}:
            raise Transient(f"{called}: {status}", after=answer.retry_after)
        return answer


def _final(answers: type[Any]) -> type[Any]:
    """The class of a connection's answers, made to pass over all that are no last ones (RFC 9110 section 15.2).

    By itself it does so with a 100, and takes a 103 for the answer.
    """

    def read_status(answer: Any) -> tuple[str, int, str]:
        version, status, reason = answers._read_status(answer)
        return version, 100 if 100 <= status < 200 else status, reason

    return type("FinalResponse", (answers,), {"_read_status": read_status})


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
