"""One POST over HTTP (RFC 9110), bounded in time and size; no redirect is followed, and no proxy is used."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from urllib.parse import SplitResult, urlsplit

from mailproc.errors import Away, SettingsError
from mailproc.reading.display import one_line
from mailproc.transport import trusting

SECONDS = 30.0  # for the whole exchange, however slowly the answer trickles
LONGEST_ANSWER = 64 * 1024  # octets


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's status and what it sent."""

    status: int
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], ca_file: str | None = None) -> Answer:
    """What the server of an http: or https: URL answers; certificates are verified, against ``ca_file`` where it is given.

    Raises `Away`, whose one line has the host, or `SettingsError` for a ``ca_file`` that cannot be used.
    """
    parts = urlsplit(url)
    context = _context(ca_file) if parts.scheme == "https" else None
    host, port = parts.hostname or "", parts.port or (443 if context else 80)
    cut = Event()
    try:
        with socket.create_connection((host, port), SECONDS) as plain, _cut_after(SECONDS, plain, cut):
            answer = _asked(plain, context, parts, body, headers)
    except (OSError, HTTPException, ValueError) as error:
        raise Away(f"{host}:{port}: {_late() if cut.is_set() else _trouble(error)}") from None
    if cut.is_set():
        raise Away(f"{host}:{port}: {_late()}")
    if len(answer.body) > LONGEST_ANSWER:
        raise Away(f"{host}:{port}: it answers more than {LONGEST_ANSWER >> 10} KiB; check the URL")
    return answer


def _asked(
    plain: socket.socket, context: ssl.SSLContext | None, parts: SplitResult, body: bytes, headers: Mapping[str, str]
) -> Answer:
    host = parts.hostname or ""
    made = HTTPSConnection(host, parts.port, context=context) if context else HTTPConnection(host, parts.port)
    with closing(made) as connection:
        connection.sock = context.wrap_socket(plain, server_hostname=host) if context else plain
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        with connection.getresponse() as response:
            return Answer(response.status, response.read(LONGEST_ANSWER + 1))


@contextmanager
def _cut_after(seconds: float, connection: socket.socket, cut: Event) -> Iterator[None]:
    """Shut the connection down when the time is over, and set ``cut``.

    A time limit of a socket is one of each single wait, so that a server that trickles would keep us for hours. The
    duplicate outlives the socket, which TLS takes over.
    """
    with connection.dup() as handle:

        def end() -> None:
            cut.set()
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError as error:
        raise SettingsError(f"ca_file: {ca_file}: {_trouble(error)}; it must be a file of PEM certificates") from None


def _late() -> str:
    return f"no whole answer in {SECONDS:g} s"


def _trouble(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {one_line(error.verify_message)}; check the host, or name a ca_file"
    if isinstance(error, TimeoutError):
        return _late()
    if isinstance(error, OSError):
        return one_line(error.strerror or str(error))
    return f"its answer is no HTTP: {type(error).__name__}"
