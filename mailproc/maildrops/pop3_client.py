"""A POP3 connection (RFC 1939) on poplib, with bounds: on a line, on an answer, and on the time that an answer takes.

poplib holds lines to 2,048 octets and a mail in memory line by line. Here a line of an answer has at most 8 KiB, and a mail
comes in pieces, whatever its lines are like. Only CRLF, a dot and CRLF end it: a mail in which a bare LF stands before a dot
cannot end its own transfer and speak for the server.
"""

from __future__ import annotations

import contextlib
import poplib
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator

from mailproc.maildrops.account import Account, network_reason, shown
from mailproc.transport import Bearer, Response, encoded, without

_LONGEST_LINE = 8192
_PIECE_OCTETS = 64 * 1024
_SLACK_OCTETS = 1024 * 1024
_SLOWEST = 10_000  # octets in a second, not counting five times the time of a single silence

# RFC 2449 section 4, CRLF included; a response of SASL in a line of its own may be longer (RFC 5034 section 4).
_LONGEST_COMMAND = 255

_END = b"\r\n.\r\n"
_RESPONSE_CODE = re.compile(r"-ERR \[([A-Z/-]{1,40})\]", re.IGNORECASE)

# What can go wrong with an answer: the connection, and bytes that are no POP3.
TROUBLE = (OSError, EOFError, poplib.error_proto, ValueError, LookupError)


class Refused(Exception):
    """The server has answered ``-ERR``; the connection is as good as before. ``code`` is that of RFC 2449 section 8, or "";
    ``answer`` is the line as it came.
    """

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        said = answer.decode("utf-8", "replace")
        found = _RESPONSE_CODE.match(said)
        self.code = found[1].upper() if found else ""
        super().__init__(shown(said))


def reason(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Why the server cannot be used now, in one line; one that repeats ``secrets`` shows none of them."""
    if isinstance(error, OSError):
        return network_reason(error)
    if isinstance(error, EOFError):
        return "it hung up"
    first = error.answer if isinstance(error, Refused) else error.args[0] if error.args else error
    said = shown(without(first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first), secrets))
    return said if isinstance(error, Refused) else f"its answer cannot be read: {said}"


class Client(poplib.POP3):
    """A connection that the server has greeted; with ``context`` over TLS from its first octet.

    Errors of all its methods: `TROUBLE`, after which it is of no use any more, and `Refused`.
    """

    def __init__(self, account: Account, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._read_timeout = account.read_timeout
        self._expect(0)
        try:
            super().__init__(account.host, account.port, account.connect_timeout)
        except BaseException:
            self.hang_up()
            raise

    def start_tls(self, context: ssl.SSLContext) -> None:
        """STLS (RFC 2595 section 4); what the server said in clear behind its answer would count as said under TLS."""
        self.ask("STLS")
        if self._has_spoken():
            raise poplib.error_proto("it says more in clear behind its answer to STLS")
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.file = self.sock.makefile("rb")

    def authenticate(self, bearer: Bearer, response: Response) -> None:
        """AUTH with the one response of a client that speaks first (RFC 5034 section 4)."""
        command = f"AUTH {bearer.mechanism} {encoded(response.octets)}"
        if len(command) + 2 <= _LONGEST_COMMAND:
            answer = self.ask(command)
        else:
            self.ask(f"AUTH {bearer.mechanism}")
            answer = self.ask(encoded(response.octets))
        if not answer.startswith(b"+OK"):
            # It tells in a challenge why it refuses, and says no when that is answered.
            self.ask(encoded(bearer.acknowledgement))
            raise poplib.error_proto("it asks on behind the token")

    def ask(self, command: str) -> bytes:
        """The line with which the server answers a command."""
        self._expect(0)
        answer: bytes = self._shortcmd(command)  # type: ignore[attr-defined]
        return answer

    def lines(self, command: str, octets: int) -> Iterator[bytes]:
        """The lines of the answer to a command, of ``octets`` at most."""
        self.ask(command)
        self._expect(octets)
        while (line := self._getline()[0]) != b".":
            yield line

    def body(self, number: int, size: int) -> Iterator[bytes]:
        """RETR: a message of about ``size`` octets, in pieces of about 64 KiB; twice that and 1 MiB are too many."""
        self.ask(f"RETR {number}")
        self._expect(2 * size)
        return self._pieces()

    def hang_up(self) -> None:
        """End the connection without another word: what is marked stays (RFC 1939 section 6)."""
        with contextlib.suppress(OSError, AttributeError):
            self.close()

    def _pieces(self) -> Iterator[bytes]:
        """The text of an answer of many lines without its dots; a line begins behind CRLF, and at the start."""
        unread = b"\r\n"
        begin = len(unread)  # of what has not been given away
        while (end := unread.find(_END)) < 0:
            came = self.file.read1(_PIECE_OCTETS)  # type: ignore[attr-defined]
            self._spend(came)
            unread += came
            cut = _cut(unread)
            if cut > _PIECE_OCTETS:
                yield unread[:cut].replace(b"\r\n..", b"\r\n.")[begin:]
                unread, begin = unread[cut:], 0
        if end + len(_END) < len(unread):
            raise poplib.error_proto("it says more than it was asked for")
        yield unread[: end + 2].replace(b"\r\n..", b"\r\n.")[begin:]

    def _getline(self) -> tuple[bytes, int]:
        line = bytearray()
        while not line.endswith(b"\n"):
            came = self.file.peek(1)  # type: ignore[attr-defined]
            piece = self.file.read(came.find(b"\n") + 1 or len(came))
            self._spend(piece)
            line += piece
            if len(line) > _LONGEST_LINE:
                raise poplib.error_proto("it sends a line without an end")
        return bytes(line.removesuffix(b"\n").removesuffix(b"\r")), len(line)

    def _getresp(self) -> bytes:
        answer, _ = self._getline()
        if answer[:4].upper() == b"-ERR":
            raise Refused(answer)
        if not answer.startswith(b"+"):
            raise poplib.error_proto(answer)
        return answer

    def _create_socket(self, timeout: float) -> socket.socket:
        connection = socket.create_connection((self.host, self.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_hostname=self.host)
        connection.settimeout(self._read_timeout)
        return connection

    def _expect(self, octets: int) -> None:
        """Allow so many octets for what comes now, and the time that the slowest line needs for what has come."""
        self._left = octets + _SLACK_OCTETS
        self._until = time.monotonic() + 5 * self._read_timeout

    def _spend(self, came: bytes) -> None:
        if not came:
            raise EOFError
        self._left -= len(came)
        self._until += len(came) / _SLOWEST
        if self._left < 0:
            raise poplib.error_proto("it sends more than it was asked for")
        if time.monotonic() > self._until:
            raise TimeoutError

    def _has_spoken(self) -> bool:
        self.sock.setblocking(False)
        try:
            return bool(self.file.peek(1))  # type: ignore[attr-defined]
        finally:
            self.sock.settimeout(self._read_timeout)


def _cut(unread: bytes) -> int:
    """Where the end of what has come may be cut off, since it begins neither the end of an answer nor a line with dots."""
    cut = max(len(unread) - len(_END), 0)
    line_end = unread.rfind(b"\r", max(cut - 3, 0), cut)
    return cut if line_end < 0 else line_end
