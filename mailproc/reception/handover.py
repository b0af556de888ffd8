"""A message on its way from a door to a worker process and its replies on their way back, over a Unix socket of ours."""

from __future__ import annotations

import json
import logging
import os
import select
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import BinaryIO, cast

from mailproc.errors import MailprocError
from mailproc.replies import AWAY, read_reply
from mailproc.reply import Reply
from mailproc.worker import Link

ANEW = os.EX_TEMPFAIL  # the exit status of a worker whose place another one is to take
QUIET = 0.5  # seconds between two looks of a worker whether it is to stop
AGAIN = 5.0  # seconds for which a worker refuses that cannot open what it needs; then another one tries

_SLOWEST_DOOR = 30.0  # seconds that a door may take to hand a message over; it is a process of ours on this machine
log = logging.getLogger("mailproc")

_LENGTHS = struct.Struct("!II")


@dataclass(frozen=True, slots=True)
class Handover:
    """A message as a session has it; ``arrival`` is in seconds since 1970, ``entrance`` as the ledger has it."""

    entrance: str
    reverse_path: str
    recipients: Sequence[str]
    arrival: float
    raw: bytes

    @property
    def one_reply(self) -> bool:
        """Whether its client hears one for all recipients; by LMTP it hears one for each (RFC 2033 section 4.2)."""
        return self.entrance != "lmtp"

    def encoded(self) -> list[bytes]:
        """The message as the pieces that are written."""
        facts = {name: value for name, value in asdict(self).items() if name != "raw"}
        head = json.dumps(facts).encode()
        return [_LENGTHS.pack(len(head), len(self.raw)), head, self.raw]


def read_handover(stream: BinaryIO) -> Handover | None:
    """The message that a door wrote; None when it went away in the middle."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, raw_length = _LENGTHS.unpack(lengths)
    head, raw = stream.read(head_length), stream.read(raw_length)
    return Handover(**json.loads(head), raw=raw) if len(raw) == raw_length else None


def write_replies(channel: socket.socket, replies: Sequence[Reply]) -> None:
    """Tell the door; raises OSError when it has gone."""
    channel.sendall("".join(f"{reply.line()}\n" for reply in replies).encode())


def taken(listener: socket.socket) -> tuple[socket.socket, Handover] | None:
    """The next message that waits; None when another worker was faster, or its door has gone away in the middle."""
    with suppress(OSError):
        channel = listener.accept()[0]
        channel.settimeout(_SLOWEST_DOOR)
        with suppress(OSError):
            handover = read_handover(cast(BinaryIO, channel.makefile("rb")))
            if handover is not None:
                return channel, handover
        channel.close()
    return None


def answer(channel: socket.socket, replies: Sequence[Reply]) -> None:
    """Give the door the replies, and be done with it; a door that has gone is told nothing."""
    with channel, suppress(OSError):
        write_replies(channel, replies)
        channel.shutdown(socket.SHUT_RDWR)  # a process that a handler has left behind holds it too


def refuse(listener: socket.socket, reply: Reply, seconds: float) -> None:
    """Have the clients come again that wait now, and for so long, instead of letting them wait for who does not work."""
    until = time.monotonic() + seconds
    while select.select([listener], [], [], max(0.0, until - time.monotonic()))[0]:
        if found := taken(listener):
            channel, handover = found
            answer(channel, for_each(reply, handover))


def put_off(listener: socket.socket, link: Link, error: MailprocError) -> int:
    """Have clients come again for a while, since what we need is away; answers the exit status, `ANEW` to try again."""
    log.error("%s", error)
    refuse(listener, AWAY, AGAIN)
    return os.EX_OK if link.stopping() else ANEW


def for_each(reply: Reply, handover: Handover) -> list[Reply]:
    """The same reply for each recipient, where each has one."""
    return [reply] * (1 if handover.one_reply else len(handover.recipients))


def read_replies(data: bytes) -> list[Reply]:
    """The replies that a worker wrote; none when it died first."""
    return [read_reply(line) for line in data.decode().splitlines()] if data.endswith(b"\n") else []
