"""Serving until told to stop, and then ending so that nothing which was promised is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from mailproc.smtpd.limits import SHUTTING_DOWN, Census
from mailproc.smtpd.listening import BACKLOG, remove_file

_LAST = 1.0  # seconds for the event loop to end what was aborted

Protocols = Callable[[], asyncio.BaseProtocol]


async def serve(
    doors: Sequence[tuple[socket.socket, Protocols]],
    census: Census,
    stop: asyncio.Event,
    *,
    grace: float,
    opened: Callable[[], None] = lambda: None,
) -> None:
    """Serve at each bound socket by the protocols that go with it, all counted in one census, until ``stop`` is set.
    ``opened`` is called when all are open.

    Then nobody new is let in; sessions that are idle are told ``421 4.3.2``, the others as soon as their command or message
    has got its reply; whoever is left after ``grace`` seconds is cut off, and nothing was promised to them.
    """
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(protocols, sock=bound, backlog=BACKLOG) for bound, protocols in doors]
    opened()
    try:
        await stop.wait()
    finally:
        for (bound, _), server in zip(doors, servers, strict=True):
            remove_file(bound)
            server.close()
        await _empty(census, grace)


async def _empty(census: Census, grace: float) -> None:
    left = asyncio.Event()
    census.close(left.set)
    for occupant in census.occupants():
        occupant.dismiss(SHUTTING_DOWN)
    await _until_empty(census, left, grace)
    for occupant in census.occupants():
        occupant.abort()
    await _until_empty(census, left, _LAST)
    await asyncio.sleep(0)  # and the tasks that were cancelled end


async def _until_empty(census: Census, left: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while census.seats:
                left.clear()
                await left.wait()
    except TimeoutError:
        return
