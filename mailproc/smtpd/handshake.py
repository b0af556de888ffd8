"""TLS handshakes that fail: told to the client where it can still be told, and logged once."""

from __future__ import annotations

import asyncio
from typing import Any

_GRACE = 5.0  # seconds that a client has to take it
_FAILED = b"421 4.7.6 TLS handshake failed\r\n"


class Handshake:
    """The transport below a TLS layer of asyncio, which would close it without TLS's own alert and without a word.

    After the handshake it is as if it were not there.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._layer: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def set_protocol(self, layer: Any) -> None:
        """Learn whose transport this is, and read on: what had come in clear may have been too much for the session."""
        self._layer = layer
        self._transport.set_protocol(layer)
        self._transport.resume_reading()

    def _force_close(self, error: BaseException | None) -> None:
        if self._layer is None or "ssl_object" in self._layer._extra:
            self._transport._force_close(error)
            return
        # A client that spoke TLS is owed an alert; one that never did reads plain text (RFC 3207 section 4.1).
        self._transport.write(self._layer._outgoing.read() or _FAILED)
        self._transport.close()
        asyncio.get_running_loop().call_later(_GRACE, self._transport.abort)
