"""The doorstep: where a connection is let in or turned away before anything is spent on it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP

from mailproc.reading import one_line
from mailproc.smtpd.connection import Broken
from mailproc.smtpd.handshake import Handshake
from mailproc.smtpd.limits import SHUTTING_DOWN, TOO_MANY, Census, Seat, plain
from mailproc.smtpd.session import Mended, mended

_log = logging.getLogger(__name__)

_LOGGERS = ("mail.log", "mail.debug")  # aiosmtpd's; they hold what clients say, and passwords


class Doorstep(asyncio.Protocol):
    """A connection that was accepted; ``begin`` makes the session that takes it over, inside of TLS where ``tls`` is given.

    Until a TLS handshake is over it is the `Occupant` of the seat.
    """

    def __init__(self, census: Census, begin: Callable[[Seat], Mended], tls: ssl.SSLContext | None) -> None:
        self._census, self._begin, self._tls = census, begin, tls
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, or turn it away."""
        self._transport = transport
        peer = plain(transport.get_extra_info("peername"))
        if not peer and transport.get_extra_info("socket").family != socket.AF_UNIX:
            self.abort()  # it is gone already, and nobody may pass for a neighbour at a Unix socket
        elif seat := self._census.enter(peer):
            self._let_in(seat)
        else:
            self._turn_away()

    def _turn_away(self) -> None:
        if self._tls is None:
            self._transport.write(f"{SHUTTING_DOWN if self._census.closed else TOO_MANY}\r\n".encode())
        self._transport.close()

    def _let_in(self, seat: Seat) -> None:
        seat.occupant = self
        try:
            session = self._begin(seat)
        except Exception:
            seat.leave()
            self.abort()
            raise
        if self._tls is None:
            self._transport.set_protocol(session)
            session.connection_made(self._transport)
        else:
            self._begin_tls(session, seat, self._tls)

    def _begin_tls(self, session: Mended, seat: Seat, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        time = self._census.limits.handshake
        make: Any = SSLProtocol  # whose times may have fractions, whatever its types say
        layer = make(loop, session, tls, waiter, server_side=True, ssl_handshake_timeout=time)

        def ended(waiter: asyncio.Future[None]) -> None:
            error = waiter.exception()
            if "ssl_object" not in layer._extra:
                reason = one_line(str(error or "the client is gone"))
                _log.info("%s: TLS handshake failed: %s", seat.address, reason)
                seat.leave()

        waiter.add_done_callback(ended)
        below: Any = Handshake(self._transport)
        below.set_protocol(layer)
        layer.connection_made(below)

    def dismiss(self, farewell: str, at_once: bool = False) -> None:
        """End a handshake, in which nothing can be said."""
        self.abort()

    def abort(self) -> None:
        """End the connection without a word."""
        self._transport.abort()


def protocol_factory(
    kind: type[SMTP],
    handler: Any,
    census: Census,
    *,
    broken: Broken,
    lmtp: bool = False,
    tls: ssl.SSLContext | None = None,
    **parameters: Any,
) -> Callable[[], asyncio.BaseProtocol]:
    """What `asyncio.loop.create_server` wants: makes the protocol of one connection.

    ``kind`` is aiosmtpd's SMTP or a subclass; ``handler`` a `Door` or any handler of aiosmtpd's; ``tls`` is for implicit TLS.
    ``parameters`` are those of the constructor of ``kind`` by name, and go before the limits; raises `TypeError` where it has
    no such ones.
    """
    limits = census.limits
    chosen = {
        "data_size_limit": limits.size,
        "timeout": limits.timeout,
        "command_call_limit": limits.calls,
        "enable_SMTPUTF8": True,
        "hostname": parameters.pop("hostname", None) or socket.getfqdn(),
        "authenticator": getattr(handler, "authenticator", None),
    } | parameters
    if tls is not None:
        chosen["tls_context"] = None
    inspect.signature(kind).bind(handler, **chosen)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_harmless)
    session = mended(kind, lmtp=lmtp)

    def begin(seat: Seat) -> Mended:
        return session(handler, seat=seat, broken=broken, **chosen)

    return lambda: Doorstep(census, begin, tls)


def _harmless(record: logging.LogRecord) -> bool:
    """Keep what breaks aiosmtpd, on one line; what clients do wrong is no trouble of the operator's, and `Dialogue` has it."""
    record.msg, record.args = one_line(record.getMessage(), 500), ()
    return record.levelno >= logging.ERROR
