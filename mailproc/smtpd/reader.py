"""What a session reads: commands, and messages that are weighed and looked at line by line while they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Protocol

from mailproc.reply import Reply
from mailproc.smtpd.limits import Seat

_CRLF = b"\r\n"
_DOT = b".\r\n"
_AT_ONCE = 100  # lines that a session may read before it is another one's turn
_HELD_PER_LINE = 96  # octets that aiosmtpd's list of lines costs beside the lines' own


class Unfit(Exception):
    """A message that is refused before anybody sees it; the argument is the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.line())
        self.reply = reply


UNCLEAN = Reply(554, "5.6.0", "Message has a bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8)")
NO_ROOM = Reply(452, "4.3.1", "Too much mail is being received, try again later")
# As aiosmtpd says them; it would keep the pieces of an endless line, and say so when they fill the memory.
TOO_MUCH = Reply(552, "", "Error: Too much mail data")
TOO_LONG = Reply(500, "", "Line too long (see RFC5321 4.5.3.1.6)")


class Watcher(Protocol):
    """Who is told how far the reading is."""

    def awaits_command(self) -> None:
        """The next command is going to be read; raises `ConnectionResetError` when there is to be none."""

    def saw_command(self, line: bytes, *, in_auth: bool) -> None:
        """A command has come, or a client's word inside of AUTH."""

    def saw_line(self, line: bytes) -> None:
        """A line of a message has come."""

    def saw_dot(self) -> None:
        """The message is complete, and its client awaits the reply."""


class MessageReader(asyncio.StreamReader):
    """The stream of a client.

    aiosmtpd asks for CRLF only inside DATA and for LF where it wants a command; that is how the two are told apart.
    ``idle`` says that a command is waited for, ``receiving`` that a message has begun and its dot has not come.
    """

    def __init__(
        self, watcher: Watcher, seat: Seat, *, longest: int, size: int | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(limit=longest, loop=loop)
        self._longest = longest
        self._size = size
        self.idle = False
        self.receiving = False
        self._watcher = watcher
        self._seat = seat
        self._octets = 0
        self._inside_line = False
        self._at_once = 0

    # Commands -----------------------------------------------------------------------------------------------------------

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]  # what aiosmtpd asks for
        """A line of a message up to CRLF, or a command: an empty one in place of one with a bare CR, a bare LF or a NUL."""
        if separator != _CRLF:
            return await self._command() or b"\n"
        self.receiving = True
        line = await self._until(_CRLF)  # of one that is longer than the limit, `read` is asked for a piece
        if line == _DOT:
            self._end_message()
        else:
            self._weigh(line)
        return line

    async def readline(self) -> bytes:
        """A client's word inside AUTH; for what is none or is too long "!", which is no base64."""
        try:
            return await self._command(in_auth=True) or b"!"
        except asyncio.LimitOverrunError:
            await self._skip_command()
            return b"!"

    async def readexactly(self, n: int) -> bytes:
        """So many octets: the beginning of a PROXY header."""
        with self._idling():
            return await super().readexactly(n)

    async def _command(self, *, in_auth: bool = False) -> bytes | None:
        self._watcher.awaits_command()
        with self._idling():
            line = await self._until(b"\n")
        self._watcher.saw_command(line, in_auth=in_auth)
        return line if line.endswith(_CRLF) and _is_clean(line[:-2]) else None

    async def _skip_command(self) -> None:
        while True:
            try:
                await self._until(b"\n")
                return
            except asyncio.LimitOverrunError as error:
                await super().read(error.consumed)

    async def _until(self, separator: bytes) -> bytes:
        self._at_once += 1
        if self._at_once == _AT_ONCE:  # what has come already is read without waiting, and would keep out all other clients
            self._at_once = 0
            await asyncio.sleep(0)
        try:
            return await super().readuntil(separator)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the client has ended its side") from error

    @contextlib.contextmanager
    def _idling(self) -> Iterator[None]:
        self.idle = True
        try:
            yield
        finally:
            self.idle = False

    # Messages -----------------------------------------------------------------------------------------------------------

    async def read(self, n: int = -1) -> bytes:
        """What has come, at most ``n`` octets; raises `Unfit` inside of a message, where it is a piece of a line too long."""
        piece = await super().read(n)
        if self.receiving:
            self._inside_line = True
            raise Unfit(TOO_LONG)
        return piece

    def _weigh(self, line: bytes) -> None:
        self._watcher.saw_line(line)
        self._octets += len(line)
        if self._size and self._octets > self._size:
            raise Unfit(TOO_MUCH)
        if len(line) > self._longest:
            raise Unfit(TOO_LONG)
        if not _is_clean(line[:-2]):
            raise Unfit(UNCLEAN)
        if not self._seat.hold(len(line) + _HELD_PER_LINE):
            raise Unfit(NO_ROOM)

    def _end_message(self) -> None:
        self.receiving = False
        self._seat.drop(kept=self._octets)  # from here on the lines are one piece
        self._watcher.saw_dot()

    async def skip_message(self) -> None:
        """Read on to the dot of a message that nobody wants any more."""
        self.forget_message()
        while self.receiving:
            try:
                line = await self._until(_CRLF)
            except asyncio.LimitOverrunError as error:
                await super().read(error.consumed)
                self._inside_line = True
                continue
            self._watcher.saw_line(line)
            begins, self._inside_line = not self._inside_line, False
            if begins and line == _DOT:
                self._end_message()

    def forget_message(self) -> None:
        """Count the octets of the message no more."""
        self._octets = 0
        self._seat.drop()


def _is_clean(text: bytes) -> bool:
    """Whether a line that was cut at its CRLF holds no other CR or LF, and no NUL (RFC 5321 section 2.3.8)."""
    return b"\r" not in text and b"\n" not in text and b"\0" not in text
