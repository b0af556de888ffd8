"""Mail piped into `mailproc deliver`, in processes of their own, as an MTA starts them."""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.installation import RECIPIENT, SENDER, Installation
from tests.nursery.process import Process

ROOT = Path(__file__).parents[2]
KILLED = -9


@dataclass(frozen=True)
class Told:
    """What an MTA is told: the exit status, what is on stdout, and on stderr."""

    status: int
    out: str
    err: str = ""


class Mta:
    """An MTA that pipes mail to an installation."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.started: list[Process] = []

    def start(
        self, stdin: int, *arguments: str, failpoint: str | None = None, environ: Mapping[str, str] | None = None
    ) -> Process:
        """Begin ``mailproc deliver``, with nothing on its command line but these arguments."""
        more = {"MAILPROC_FAILPOINT": failpoint} if failpoint else {}
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **more, **(environ or {})}
        config = ["--config", str(self.installation.config)]
        process = Process([*config, "deliver", *arguments], self.installation.folder, environment, stdin=stdin)
        self.started.append(process)
        return process

    def begin(self, raw: bytes, *arguments: str, failpoint: str | None = None) -> Process:
        """Begin to deliver a mail of ann's to the book, unless other arguments are given."""
        with on_disk(raw) as stdin:
            return self.start(stdin, *(arguments or ("-r", RECIPIENT, "-f", SENDER)), failpoint=failpoint)

    def deliver(self, raw: bytes, *arguments: str, failpoint: str | None = None) -> Told:
        """Deliver it, to the end."""
        return told(self.begin(raw, *arguments, failpoint=failpoint))

    def deliver_with(self, environ: Mapping[str, str], raw: bytes, *arguments: str) -> Told:
        """Deliver it with more in the environment."""
        with on_disk(raw) as stdin:
            return told(self.start(stdin, *arguments, environ=environ))

    def close(self) -> None:
        """End what still runs."""
        for process in self.started:
            process.kill()
            process.wait(20)


def told(process: Process) -> Told:
    """What it says at its end."""
    out, err = process.communicate(timeout=60)
    return Told(process.wait(), out, err)


@contextmanager
def on_disk(raw: bytes) -> Iterator[int]:
    """A descriptor of an unnamed file with these octets."""
    with tempfile.TemporaryFile() as file:
        file.write(raw)
        file.flush()
        file.seek(0)
        yield file.fileno()


def is_empty(pipe: int) -> bool:
    """Whether all has been read that was written to it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0] == 0


Make = Callable[..., Mta]
