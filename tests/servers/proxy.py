"""A TCP proxy before a server: it cuts, holds or alters what passes, and keeps what the client said."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.

    ``after_bytes``: cut once the server has sent so many octets. ``at_command``: cut when the client says this, before
    the server hears it, or, with ``forward``, after the server has heard it but before it can answer. ``hold``: say
    nothing more instead of cutting. ``replace``: pairs of bytes that are altered on the way from server to client.
    """

    after_bytes: int | None = None
    at_command: bytes = b""
    forward: bool = False
    hold: bool = False
    replace: tuple[tuple[bytes, bytes], ...] = ()


class Proxy:
    """A proxy on ``port``; the i-th connection meets the i-th fault, and those after the last fault the ``rest``.

    A test in which none of its faults has struck proves nothing, and fails.
    """

    def __init__(self, target: int, faults: Sequence[Fault] = (), rest: Fault | None = None) -> None:
        self.target = target
        self.faults = list(faults)
        self.rest = rest or Fault()
        self.heard = b""
        self.connections = 0
        self.struck = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        # shutdown() wakes the thread that is blocked in accept(); close() alone does not.
        for open_socket in (self._listener, *self._open):
            _end(open_socket)
        if exc[0] is None and any(fault != Fault() for fault in (*self.faults, self.rest)):
            assert self.struck, "the fault did not strike"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                fault = self.faults[self.connections] if self.connections < len(self.faults) else self.rest
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self.target))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open += [client, server]
                passing = _Passing(self, fault, client, server)
                threading.Thread(target=passing.upstream, daemon=True).start()
                threading.Thread(target=passing.downstream, daemon=True).start()


class _Passing:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, fault: Fault, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.fault, self.client, self.server = proxy, fault, client, server
        self.mute = False

    def upstream(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.client.recv(65536):
                self.proxy.heard += data
                struck = bool(self.fault.at_command) and self.fault.at_command in data
                self.mute = self.mute or struck
                self.proxy.struck += struck
                if not struck or self.fault.forward:
                    self.server.sendall(data)
                if struck and not self.fault.hold:
                    self._cut(wait=self.fault.forward)
        self._cut()

    def downstream(self) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := self.server.recv(65536):
                for old, new in self.fault.replace:
                    self.proxy.struck += old in data
                    data = data.replace(old, new)
                if self.mute:
                    continue
                if self.fault.after_bytes is not None:
                    data = data[: self.fault.after_bytes - passed]
                passed += len(data)
                self.client.sendall(data)
                if passed == self.fault.after_bytes:
                    self.mute = True
                    self.proxy.struck += 1
                    if not self.fault.hold:
                        break
        self._cut()

    def _cut(self, *, wait: bool = False) -> None:
        """Cut both sides; with ``wait`` only after the server has had the time to obey."""
        if wait:
            threading.Event().wait(0.2)
        _end(self.client)
        _end(self.server)


def _end(open_socket: socket.socket) -> None:
    with contextlib.suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
    open_socket.close()
