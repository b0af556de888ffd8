"""A POP3 server that says what is written, for what Dovecot never says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Mapping

Answer = bytes | Callable[[], Iterable[bytes]]

# Of a server with two messages that does nothing wrong.
ANSWERS: Mapping[str, Answer] = {
    "USER": b"+OK\r\n",
    "PASS": b"+OK\r\n",
    "STAT": b"+OK 2 20\r\n",
    "UIDL": b"+OK\r\n1 one\r\n2 two\r\n.\r\n",
    "LIST": b"+OK\r\n1 10\r\n2 10\r\n.\r\n",
    "RETR 1": b"+OK\r\nA: one\r\n\r\n.\r\n",
    "RETR 2": b"+OK\r\nA: two\r\n\r\n.\r\n",
    "DELE": b"+OK\r\n",
    "QUIT": b"+OK\r\n",
}


class ScriptedPop3:
    """It greets on ``port`` and answers each command by the longest beginning of it that is in ``answers``.

    An answer in many pieces may be endless; it is called for anew each time. ``heard`` are the commands of all connections.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None, greeting: Answer = b"+OK ready\r\n") -> None:
        self.answers = {**ANSWERS, **(answers or {})}
        self.greeting = greeting
        self.heard: list[str] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> ScriptedPop3:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rb") as commands:
            _say(client, self.greeting)
            for line in commands:
                command = line.decode("utf-8", "replace").rstrip("\r\n")
                self.heard.append(command)
                known = [beginning for beginning in self.answers if command.startswith(beginning)]
                _say(client, self.answers[max(known, key=len)] if known else b"-ERR what?\r\n")


def _say(client: socket.socket, answer: Answer) -> None:
    for piece in [answer] if isinstance(answer, bytes) else answer():
        client.sendall(piece)
