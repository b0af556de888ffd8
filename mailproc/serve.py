"""`mailproc serve`: the doors are bound, rights are dropped, children are forked, and then the doors are open until we stop.

The order is the safety: ports below 1024 want root, the state and the database their own user, and a fork a process without
threads. At the end what was answered 250 is durable, and what was begun has its reply.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network

from msgspec.structs import replace

from mailproc import logs
from mailproc.app import checked_engine, make_relay, make_site, make_works
from mailproc.database.directory import DatabaseDirectory
from mailproc.errors import SettingsError
from mailproc.privileges import drop_rights
from mailproc.reception.attendant import attend_inline
from mailproc.reception.children import ended_with_us, fork_child
from mailproc.reception.doorkeeper import Doorkeeper
from mailproc.reception.doors import Doors, bound_doors, keep_open, make_census
from mailproc.reception.handover import AGAIN
from mailproc.reception.hatch import Attend, Hatch, started_workers
from mailproc.reception.policy import RecipientPolicy
from mailproc.reception.spool import attend_spool
from mailproc.settings import Serve, Settings
from mailproc.smtpd.door import Door
from mailproc.state import ready_state
from mailproc.systemd import Service
from mailproc.watching.watch import Watch

POLL = 60.0  # seconds between two rounds of the run that sends answers and works what was put off, as cron would
_PATIENCE = 120.0  # seconds for which a client waits at most for others to be done, of the 10 min of RFC 5321 4.5.3.2.6

log = logging.getLogger("mailproc")


def serve_mail(
    settings: Settings, service: Service, say: Callable[[str], None], *, lmtp: bool = False, stay: bool = False
) -> int:
    """Serve until we are told to stop; answers the exit status.

    ``settings.serve`` says where and how; ``lmtp`` is for listeners that name no protocol; ``stay`` keeps the user that we are;
    ``say`` is given a line for a person when the doors are open.
    Raises `SettingsError` for what keeps us from serving, before any door is open.
    """
    serve = settings.serve or Serve()
    mode = _mode(settings, serve)
    with bound_doors(serve, lmtp=lmtp, stay=stay) as doors, ExitStack() as held:
        _take_user(settings, serve, stay)
        _try(settings, doors)
        children = [fork_child(partial(_work, settings, serve), doors.sockets)] if serve.work else []
        held.enter_context(ended_with_us(children))
        workers = held.enter_context(started_workers(settings, mode.attend, mode.workers, doors.sockets))
        hatch = Hatch(workers, mode.patience)
        told, needed = (children, workers.supervisors) if mode.needed else ((*children, *workers.supervisors), ())
        return os.EX_OK if asyncio.run(_open(settings, doors, hatch, service, told, needed, say)) else os.EX_SOFTWARE


@dataclass(frozen=True, slots=True)
class _Mode:
    """How mail is attended to. ``patience`` is how many seconds a client waits at most; workers that are ``needed`` until the
    last session has its reply are told to end after it, and others, which may take long, together with us.
    """

    attend: Attend
    workers: int
    patience: float
    needed: bool


def _mode(settings: Settings, serve: Serve) -> _Mode:
    if serve.mode == "inline":
        return _Mode(attend_inline, serve.workers, _PATIENCE + settings.limits.message_time, needed=False)
    return _Mode(attend_spool, 1, _PATIENCE, needed=True)


def _take_user(settings: Settings, serve: Serve, stay: bool) -> None:
    """Drop root's rights, once the ports are bound and the keys are read."""
    drop_rights(serve.user, stay=stay)
    ready_state(settings)
    if settings.log.file:  # not before: root's file could not be written by anybody else
        logs.to_file(settings.log.file, settings.log.format)


def _try(settings: Settings, doors: Doors) -> None:
    """Make once, in a child, all that the children will make: what is wrong is then said once, and before a door opens."""

    def made() -> int:
        make_works(settings, "").engine.dispose()
        if doors.settings.work:
            make_relay(settings)
        return os.EX_OK

    status = os.waitstatus_to_exitcode(os.waitpid(fork_child(made, doors.sockets), 0)[1])
    if status:
        raise SystemExit(status)


def _work(settings: Settings, serve: Serve) -> int:
    """Be the process that works what the doors have taken over, what was put off, and the outbox, as soon as there is any."""
    alone = replace(settings, maildrops=(), serve=serve)
    while True:
        try:
            return Watch(alone, (), POLL, Service(), lambda: alone).run()
        except SettingsError as error:  # it was right when we began (`_try`), and the doors need not close for it
            log.error("%s", error)
            time.sleep(AGAIN)


async def _open(
    settings: Settings,
    doors: Doors,
    hatch: Hatch,
    service: Service,
    told: Sequence[int],
    needed: Sequence[int],
    say: Callable[[str], None],
) -> bool:
    engine = checked_engine(settings)
    site = make_site(settings, DatabaseDirectory(engine))
    policy = RecipientPolicy(site, engine, [ip_network(network) for network in doors.settings.relay_from])
    doorkeeper = Doorkeeper(engine, policy, hatch)
    census = make_census(doors.settings, settings.max_size)
    return await keep_open(doors, Door(doorkeeper), census, doorkeeper.broken, service, told=told, needed=needed, say=say)
