"""Opening doors: bound while we may, open until we are told to stop, and closed so that no promise is broken."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from ssl import SSLContext
from typing import Any

from mailproc.errors import SettingsError
from mailproc.privileges import user_named
from mailproc.reading import one_line
from mailproc.reception.children import one_has_ended, tell_to_end
from mailproc.settings import Serve
from mailproc.smtpd.connection import Broken
from mailproc.smtpd.doorstep import protocol_factory
from mailproc.smtpd.kinds import smtp_kind
from mailproc.smtpd.limits import Census, Limits
from mailproc.smtpd.listening import Listener, bind, read_listener, refuse_twins, release
from mailproc.smtpd.serving import serve
from mailproc.smtpd.tls import server_context
from mailproc.systemd import Service

IDENT = "mailproc"  # behind the host's name in the greeting; no version, which would only tell whom to attack
GRACE = 8.0  # seconds that sessions have for their last replies when we stop
_OCTETS = 256 * 2**20  # of all messages that are being received at once; four of the largest fit at least
_LOOK = 1.0  # seconds between two looks at the children

log = logging.getLogger("mailproc")


@dataclass(frozen=True, slots=True)
class Doors:
    """Doors that are bound and not open yet; ``tls`` is None where there is no certificate."""

    settings: Serve
    bound: Sequence[tuple[Listener, socket.socket]]
    tls: SSLContext | None

    @property
    def sockets(self) -> list[socket.socket]:
        """The sockets, which no child may keep."""
        return [each for _, each in self.bound]

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys(_shown(listener, bound) for listener, bound in self.bound))


@contextmanager
def bound_doors(settings: Serve, *, lmtp: bool = False, stay: bool = False) -> Iterator[Doors]:
    """The doors of ``listen``, bound for as long as the block lasts; ``lmtp`` is for those that name no protocol.

    Unless we ``stay`` who we are, a Unix socket is given to the user whom we are about to become, and to the user's group.
    Raises `SettingsError` for what cannot be read, opened or bound; a key that only root may read is read here.
    """
    listeners, tls = read_doors(settings, lmtp=lmtp)
    user = user_named(settings.user) if settings.user is not None and not stay else None
    owner = (user.pw_uid, user.pw_gid) if user is not None and os.geteuid() == 0 else None
    bound: list[tuple[Listener, socket.socket]] = []
    try:
        for listener in listeners:
            bound += [(listener, each) for each in bind(listener, owner)]
        yield Doors(settings, bound, tls)
    finally:
        release([each for _, each in bound])


def read_doors(settings: Serve, *, lmtp: bool = False) -> tuple[Sequence[Listener], SSLContext | None]:
    """Where to listen, and what to show there; nothing is bound. Raises `SettingsError`."""
    try:
        listeners = [read_listener(text, lmtp=lmtp) for text in settings.listen]
    except ValueError as error:
        raise SettingsError(f"serve.listen: {error}") from None
    refuse_twins(listeners)
    tls = server_context(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    if any(listener.scheme == "smtps" for listener in listeners):
        if tls is None:
            raise SettingsError("serve.listen: smtps needs a certificate; give tls_cert and tls_key")
        if settings.proxy_from:
            raise SettingsError("serve.proxy_from: a proxy says who calls before TLS, and smtps begins with TLS; use STARTTLS")
    smtp_kind(settings.smtp_class, settings.smtp_parameters)
    return listeners, tls


def make_census(settings: Serve, max_size: int) -> Census:
    """What clients may take, and who counts it."""
    limits = Limits(
        connections=settings.max_connections,
        connections_per_address=settings.max_connections_per_address,
        recipients=settings.max_recipients,
        size=max_size,
        octets=max(_OCTETS, 4 * max_size),
        timeout=settings.timeout,
        session=max(settings.timeout * 6, 1800.0),
        rate=tuple(settings.rate),
    )
    return Census(limits, [ip_network(network) for network in settings.proxy_from])


async def keep_open(
    doors: Doors,
    handler: Any,
    census: Census,
    broken: Broken,
    service: Service,
    *,
    told: Sequence[int] = (),
    needed: Sequence[int] = (),
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Take mail in by ``handler``, a `Door` or any handler of aiosmtpd's, until SIGTERM or SIGINT.

    Our children are those that are ``told`` to end when we do, and those that are ``needed`` until the last session has ended.
    ``say`` is told once that the doors are open. Answers whether all went well: False when one of our children has ended by
    itself, and there is no use in going on.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP does nothing here; restart to read the configuration again")
    open_ = [(each, _protocols(doors, listener, handler, census, broken)) for listener, each in doors.bound]

    def opened() -> None:
        service.ready()
        log.info("open: %s", doors)
        say(f"open: {doors}; Ctrl-C ends it")

    serving = asyncio.create_task(serve(open_, census, stop, grace=GRACE, opened=opened))
    serving.add_done_callback(lambda _: stop.set())  # also when it fails: then the end of this is its error
    lost = await _watch(stop, census, service, [*told, *needed])
    service.stopping()
    stop.set()
    tell_to_end(told)  # all at the same time, for each may need as long as we have: a message in hand still gets its reply
    await serving
    return not lost


async def _watch(stop: asyncio.Event, census: Census, service: Service, children: Sequence[int]) -> bool:
    """Tell systemd how we are until we are to stop; answers whether a child was lost."""
    while not stop.is_set():
        service.alive()
        service.status(f"{len(census.seats)} connections")
        if one_has_ended(children):
            log.critical("a process of ours has ended by itself; nothing more is taken in")
            return True
        try:
            await asyncio.wait_for(stop.wait(), min(_LOOK, service.interval or _LOOK))
        except TimeoutError:
            continue
    return False


def _protocols(doors: Doors, listener: Listener, handler: Any, census: Census, broken: Broken) -> Any:
    settings = doors.settings
    starttls = doors.tls if listener.scheme != "smtps" else None
    parameters = {
        "hostname": settings.hostname,
        "ident": IDENT,
        "tls_context": starttls,
        "require_starttls": settings.require_tls and starttls is not None,
        "auth_required": settings.auth == "required",
        "auth_exclude_mechanism": ("LOGIN", "PLAIN") if settings.auth == "off" else None,
        # At a Unix socket there is no address by which a proxy could be known, so none is believed there.
        "proxy_protocol_timeout": settings.timeout if settings.proxy_from and not listener.path else None,
        **settings.smtp_parameters,
    }
    try:
        return protocol_factory(
            smtp_kind(settings.smtp_class),
            handler,
            census,
            broken=broken,
            lmtp=listener.scheme == "lmtp",
            tls=doors.tls if listener.scheme == "smtps" else None,
            **parameters,
        )
    except TypeError as error:
        raise SettingsError(f"serve.smtp_parameters: {one_line(str(error))}; write what its constructor takes") from error


def _shown(listener: Listener, bound: socket.socket) -> str:
    if bound.family == socket.AF_UNIX:
        return str(listener)
    host, port = bound.getsockname()[:2]
    return str(replace(listener, host=host, port=port))
