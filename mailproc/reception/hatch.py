"""The hatch through which a door hands messages to its workers, and gets the replies back.

A worker is a process that a message may take along when it dies: a handler may block, hang, or crash in C, and the door goes
on; the client of that message alone hears a 451. The workers are forked before the door has a thread or a loop, each below a
supervisor of its own that bounds its time and its memory. So the door does nothing but speak with its clients.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mailproc.errors import Transient
from mailproc.reception.children import ended_with_us, fork_child
from mailproc.reception.handover import ANEW, Handover, for_each, read_replies
from mailproc.replies import DIED
from mailproc.reply import Reply
from mailproc.settings import Settings
from mailproc.smtpd import Caller
from mailproc.state import State
from mailproc.supervisor import Bounds, Supervisor
from mailproc.worker import Link

log = logging.getLogger("mailproc")

Attend = Callable[[Settings, Link, Mapping[str, str], socket.socket], int]  # what a worker does; it answers its exit status

BACKLOG = 1024  # messages that wait for a worker; the limits of the door come before
_LONGEST_PAUSE = 30.0  # seconds until a worker is replaced that has died without a message in hand
_LIVELY = 60.0  # seconds; who has lived longer than that is replaced at once
_BUSY = Reply(451, "4.3.2", "Too much is waiting here; try again later")


@dataclass(frozen=True, slots=True)
class Workers:
    """The process ids of the workers' supervisors, and the address of the socket on which the workers wait for messages."""

    address: str
    supervisors: tuple[int, ...]


@contextmanager
def started_workers(settings: Settings, attend: Attend, number: int, doors: Sequence[socket.socket] = ()) -> Iterator[Workers]:
    """So many workers below their supervisors, for as long as the block lasts; must be called before there is a thread."""
    with _listening(State(settings.state).temporary) as (listener, address):
        pids = tuple(fork_child(partial(_supervise, settings, attend, listener), doors) for _ in range(number))
        with ended_with_us(pids):
            yield Workers(address, pids)


@contextmanager
def _listening(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening Unix socket that was made in ``folder`` and has no name, and the address by which this process reaches it.

    So nobody else can connect to it or take it away, and a server that is killed leaves nothing behind.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        descriptor = _nameless(listener, folder)
        try:
            listener.listen(BACKLOG)
            listener.setblocking(False)
            yield listener, f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)


def _nameless(listener: socket.socket, folder: Path) -> int:
    """Bind it; answers a descriptor that stands for its name, which is gone (open(2), O_PATH)."""
    at = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    path = Path(f"/proc/self/fd/{at}/{secrets.token_hex(8)}")  # however long the folder's is (unix(7): 108 octets for all)
    try:
        listener.bind(str(path))
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        path.unlink()
        return descriptor
    finally:
        os.close(at)


def _supervise(settings: Settings, attend: Attend, listener: socket.socket) -> int:
    """Be a supervisor: have one worker after the other attend the door, until told to stop."""

    def work(link: Link, deaths: dict[str, str]) -> int:
        return attend(settings, link, deaths, listener)

    failures = 0
    while True:
        began = time.monotonic()
        try:
            status = Supervisor(work, Bounds(settings.limits.message_time, settings.limits.memory)).run()
        except Transient as error:  # there can be no further process now
            log.error("%s", error)
        else:
            if status == os.EX_OK:
                return status
            if status == ANEW:
                continue
            log.error("a worker has ended with status %d and is replaced", status)
        failures = failures + 1 if time.monotonic() - began < _LIVELY else 0
        time.sleep(min(_LONGEST_PAUSE, 0.1 * 2 ** min(failures, 20)))


@dataclass(frozen=True, slots=True)
class Hatch:
    """Hands messages to the workers, from the loop of the door; ``patience`` in seconds bounds the wait for one."""

    workers: Workers
    patience: float

    async def message(self, caller: Caller, reverse_path: str, recipients: Sequence[str], raw: bytes) -> list[Reply]:
        """What became of the message: one reply, or at an LMTP door one for each recipient."""
        handover = Handover(caller.protocol, reverse_path, list(recipients), time.time(), raw)
        try:
            replies = await asyncio.wait_for(self._handed(handover), self.patience)
        except (OSError, TimeoutError) as error:
            log.error("no worker takes a message: %s: %s", type(error).__name__, error)
            return for_each(_BUSY, handover)
        return replies or for_each(DIED, handover)

    async def _handed(self, handover: Handover) -> list[Reply]:
        reader, writer = await asyncio.open_unix_connection(self.workers.address)
        try:
            for piece in handover.encoded():
                writer.write(piece)
            await writer.drain()
            return read_replies(await reader.read())
        finally:
            writer.transport.abort()  # what nobody waits for any more is neither kept in memory nor worked
