"""A watch as a service: a real process, and the socket on which it speaks to systemd."""

from __future__ import annotations

import secrets
import signal
import socket
import time
from pathlib import Path

from tests.installation import Installation, finish
from tests.nursery.process import Process
from tests.processes import LONGEST, children_of, wait_for


class Systemd:
    """What the service manager hears; its socket is a file, or an ``abstract`` name."""

    def __init__(self, *, abstract: bool = False) -> None:
        name = f"/tmp/notify-{secrets.token_hex(8)}"  # a socket's path may have 108 octets
        self.address = f"@{name}" if abstract else name
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name}" if abstract else name)

    def __enter__(self) -> Systemd:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
        if not self.address.startswith("@"):
            Path(self.address).unlink()

    def hear(self, word: str, seconds: float = LONGEST) -> str:
        """The next datagram that begins so; those before it are only kept in ``said``."""
        self._socket.settimeout(seconds)
        while not (heard := self._socket.recv(65536).decode()).startswith(word):
            self.said.append(heard)
        self.said.append(heard)
        return heard


class Watched:
    """An installation that is watched as long as the block lasts, from the moment at which the watch is ready."""

    def __init__(self, installation: Installation, systemd: Systemd, *arguments: str) -> None:
        self.installation = installation
        self.systemd = systemd
        self.process: Process = installation.start(*arguments, command="watch")
        systemd.hear("READY=1")

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None and self.process.poll() is None:
            assert self.stop()[0] == 0
        self.process.kill()

    def stop(self) -> tuple[int, str]:
        """Tell it to stop, if it has not ended; its exit status, and what it has said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        ended = finish(self.process)
        assert time.monotonic() - began < 10
        self.stop = lambda: (ended.returncode, ended.stderr)  # type: ignore[method-assign]
        return self.stop()

    @property
    def ears(self) -> int:
        """The process that listens, while no run is at work."""
        (ears,) = children_of(self.process.pid)
        return ears

    def wait_for(self, *effects: str) -> float:
        """Wait until the handler has written these; the seconds."""
        return wait_for(lambda: set(effects) <= set(self.installation.effects()))


def more_maildrops(installation: Installation, urls: dict[str, str]) -> None:
    """Give the configuration maildrops besides; the password is that of the others."""
    text = installation.config.read_text()
    drops = [f'[[maildrop]]\nname = "{name}"\nurl = "{url}"\n' for name, url in urls.items()]
    passwords = "" if all(url.startswith("maildir:") for url in urls.values()) else 'password_file = "password"\n'
    installation.config.write_text(text.replace("[log]", "".join(drop + passwords for drop in drops) + "[log]", 1))
