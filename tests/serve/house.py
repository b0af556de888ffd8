"""A `mailproc serve` as a process of its own, and clients that talk with it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from tests.installation import RECIPIENT, Installation, finish
from tests.nursery.process import Running
from tests.processes import free_port, wait_for
from tests.smtpd.dialogue import Client

ANN = "ann@example.com"
PATIENCE = 20.0  # seconds that a client waits for a word


class House:
    """An installation whose doors are open; ``section`` is what stands in ``[serve]`` besides where it listens."""

    def __init__(self, installation: Installation, section: str = "", scheme: str = "smtp") -> None:
        self.installation = installation
        self.port = free_port()
        with installation.config.open("a") as config:
            config.write(f'[serve]\nlisten = ["{scheme}://127.0.0.1:{self.port}"]\n{section}\n')
        self.process: Running | None = None

    def open(self, *arguments: str, failpoint: str | None = None) -> None:
        """Start, and wait until somebody is at the door."""
        self.process = self.installation.start("-n", *arguments, command="serve", failpoint=failpoint)
        wait_for(self._greets)

    def _greets(self) -> bool:
        assert self.process is not None and self.process.poll() is None, finish(self.process).stderr  # type: ignore[arg-type]
        with contextlib.suppress(OSError), self.client() as client:
            return client.reply().startswith("220")
        return False

    def client(self) -> Client:
        """A client that has connected."""
        return Client(("127.0.0.1", self.port), timeout=PATIENCE)

    def close(self) -> str:
        """Have it stop as systemd does; answers what it wrote to stderr."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        done = finish(self.process)
        assert done.returncode == os.EX_OK, done.stderr
        return done.stderr

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        finish(self.process)

    @contextlib.contextmanager
    def opened(self, *arguments: str, failpoint: str | None = None) -> Iterator[House]:
        """Open for as long as the block lasts."""
        self.open(*arguments, failpoint=failpoint)
        try:
            yield self
        finally:
            if self.process is not None and self.process.poll() is None:
                self.close()

    def send(self, mail: bytes, *recipients: str, greeting: str = "EHLO") -> list[str]:
        """Send one mail; the replies to it, a single "" when the connection ended without one."""
        with self.client() as client:
            client.reply()
            client.say(f"{greeting} client.example.net")
            told = client.say_all(f"MAIL FROM:<{ANN}>", *(f"RCPT TO:<{each}>" for each in recipients or (RECIPIENT,)), "DATA")
            if not told[-1].startswith("354"):
                return told
            client.send(mail + b".\r\n")
            number = len(recipients or (RECIPIENT,)) if greeting == "LHLO" else 1
            return [client.reply() for _ in range(number)]
