"""What a service tells systemd, by the socket that it names for that (sd_notify(3)); where it names none, nothing."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass

_PATIENCE = 1.0  # seconds that systemd may take to make room for a word of ours

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Service:
    """The ear of systemd; ``address`` is that of its socket, ``watchdog`` the seconds in which it wants to hear of us."""

    address: str | None = None
    watchdog: float | None = None
    _alive_at: float = 0.0
    _status: str = ""

    @property
    def interval(self) -> float | None:
        """The seconds between two signs of life: half of what is asked for, as sd_watchdog_enabled(3) advises."""
        return self.watchdog / 2 if self.watchdog else None

    def ready(self) -> None:
        """We serve: the start, or the reload, is over."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """We read the configuration again, until `ready`."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """We are about to end."""
        self._tell("STOPPING=1")

    def status(self, line: str) -> None:
        """One line for a person, in ``systemctl status``; said only when it is another one."""
        if line != self._status:
            self._status = line
            self._tell(f"STATUS={line}")

    def alive(self) -> None:
        """A sign of life, when one is due; cheap otherwise."""
        now = time.monotonic()
        if self.interval and now - self._alive_at >= self.interval:
            self._alive_at = now
            self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if self.address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ear:
                ear.settimeout(_PATIENCE)
                ear.sendto("\n".join(lines).encode(), self.address)
        except OSError as error:
            log.debug("systemd does not hear %s: %s", lines[0], error)


def service(environ: MutableMapping[str, str]) -> Service:
    """What systemd has asked for in the environment, from which it is taken, so that no program that we start answers it."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    wanted = microseconds.isdecimal() and pid in {"", str(os.getpid())}
    return Service(_socket_name(address), int(microseconds) / 1e6 if wanted and int(microseconds) else None)


def _socket_name(address: str) -> str | None:
    if address.startswith("@"):
        return "\0" + address[1:]  # Linux's abstract namespace
    return address if address.startswith("/") else None
