"""The connection of a session: its seat, its time, its end, and who is at the other end of it.

The names that begin with an underscore are aiosmtpd's own; it has no others for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailproc.reading import one_line
from mailproc.smtpd import Caller
from mailproc.smtpd.dialogue import Dialogue
from mailproc.smtpd.limits import Seat, plain
from mailproc.smtpd.reader import MessageReader

Broken = Callable[[Caller, Exception], Awaitable[str]]

_log = logging.getLogger(__name__)

_GRACE = 5.0  # seconds that a client has to take what was still said to it


class Connection(SMTP):
    """aiosmtpd's protocol on a `Seat`, reading by a `MessageReader`, bounded in time.

    ``parameters`` are the constructor's of aiosmtpd's class. ``broken`` records a bug and answers the id of its OOPS.
    """

    session: Session  # from the first moment on
    envelope: Envelope
    _reader: MessageReader

    def __init__(self, handler: Any, *, seat: Seat, broken: Broken, **parameters: Any) -> None:
        limit = self.command_size_limit
        self.command_size_limits = defaultdict(lambda: limit)  # aiosmtpd has one for all connections, and each clears it
        super().__init__(handler, **parameters | {"decode_data": False})
        self.seat = seat
        self._broken = broken
        self._owed = 0  # how many replies the client of a message that is complete awaits
        self._greeted = False
        self._farewell = ""
        self._last_line = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self.dialogue = Dialogue(self._client, self._smtp_methods, self._auth_methods)
        # Once more, with a reader that weighs what it reads; aiosmtpd makes its own without asking.
        reader = MessageReader(self, seat, longest=self.line_length_limit, size=self.data_size_limit, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, client_connected_cb=self._cb_client_connected, loop=self.loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or begin anew inside of TLS: limit the time, know implicit TLS, keep what a PROXY header has said."""
        proxy_data = self.session.proxy_data if self.session else None
        super().connection_made(transport)
        if self._expiry is None:
            time = self.seat.census.limits.session
            self._expiry = self.loop.call_later(time, self.dismiss, "421 4.4.2 Session takes too long", True)
            self.seat.occupant = self
            self._tls_protocol = getattr(transport, "_ssl_protocol", None)
            self.dialogue.note("is here")
        if self._tls_protocol:
            self.session.ssl = self._tls_protocol._extra
        self.session.proxy_data = proxy_data

    def connection_lost(self, error: Exception | None) -> None:
        """Free the seat."""
        self.dialogue.note("is gone")
        super().connection_lost(error)
        if error:
            self._closed.exception()  # type: ignore[attr-defined]  # nobody waits for it, and the event loop would say that nobody has fetched it
        if self._expiry:
            self._expiry.cancel()
        self.seat.leave()

    def eof_received(self) -> bool | None:
        """A client that has only ended its side after the dot still gets its reply; aiosmtpd would cancel the work on it."""
        if self._owed and self.session.ssl is None:
            return asyncio.StreamReaderProtocol.eof_received(self)
        return super().eof_received()

    async def _handle_client(self) -> None:
        """Let no exception be the event loop's: it would only say that nobody has fetched it."""
        try:
            await super()._handle_client()
        except ConnectionError:
            pass  # the client is gone
        except Exception as error:
            await self._recorded(error)
            self.abort()

    async def _recorded(self, error: Exception) -> str:
        try:
            return await self._broken(self.caller(), error)
        except Exception as worse:
            for bug in (error, worse):
                _log.error("not recorded: %s: %s", type(bug).__name__, one_line(str(bug)))
            return ""

    def _timeout_cb(self) -> None:
        """Not while the client awaits our reply to a message; nor wait then for a client that reads nothing."""
        if self._owed:
            self._reset_timeout()
            return
        super()._timeout_cb()  # type: ignore[no-untyped-call]
        self._abort_soon()

    def dismiss(self, farewell: str, at_once: bool = False) -> None:
        """End the session with this reply, when it is idle; ``at_once`` also in a command, but never in place of a reply."""
        self._farewell = farewell
        if self._original_transport is not None and self.session.ssl is None:
            self.abort()  # in a handshake there is nothing that could be said
        elif self._reader.idle or (at_once and not self._owed):
            self._say_farewell()

    def _say_farewell(self) -> None:
        if self._greeted:
            self._writer.write(self._farewell.encode() + b"\r\n")
        self._writer.close()
        self._abort_soon()

    def _abort_soon(self) -> None:
        self.loop.call_later(_GRACE, self.abort)

    def is_gone(self) -> bool:
        """Whether nobody is there any more; asyncio warns of each line that is written nevertheless."""
        transport = self._tls_protocol._transport if self._tls_protocol else self.transport
        return transport is None or transport.is_closing()

    def abort(self) -> None:
        """End the session without a word."""
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]

    # What the reader tells ----------------------------------------------------------------------------------------------

    def awaits_command(self) -> None:
        """Say farewell when there is to be no more."""
        if self._farewell:
            self._say_farewell()
            raise ConnectionResetError

    def saw_command(self, line: bytes, *, in_auth: bool) -> None:
        """Show it to who looks on."""
        self.dialogue.said_in_auth(line) if in_auth else self.dialogue.said(line)

    def saw_line(self, line: bytes) -> None:
        """Wait for the next line anew, as for a command; aiosmtpd would cut a message that takes longer as a whole."""
        self.dialogue.sent(line)
        now = self.loop.time()
        if now - self._last_line > self._timeout_duration / 10:  # timers are dear
            self._last_line = now
            self._reset_timeout()

    def saw_dot(self) -> None:
        """Owe a reply, or one for each recipient (RFC 2033 section 4.2)."""
        self.dialogue.note(">> .")
        self._owed = len(self.envelope.rcpt_tos) if isinstance(self, LMTP) else 1

    def _client(self) -> str:
        """The client as it is called in the dialogue."""
        source, peer = self.session.proxy_data, self.session.peer
        if source and source.src_addr:
            return f"[{plain(source.src_addr)}]:{source.src_port}"
        return f"[{plain(peer)}]:{peer[1]}" if isinstance(peer, tuple) else "neighbour"

    def caller(self) -> Caller:
        """Who this session's client is."""
        session = self.session
        source = session.proxy_data.src_addr if session.proxy_data else None
        name = getattr(session.auth_data, "login", None) if session.authenticated else None
        return Caller(
            peer=plain(source) or plain(session.peer),
            user=name.decode("utf-8", "replace") if isinstance(name, bytes) else name,
            tls=session.ssl is not None,
            helo=(session.host_name or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            protocol="lmtp" if isinstance(self, LMTP) else "smtp",
        )
