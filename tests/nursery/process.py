"""A process of mailproc, as its parent has it: what of `subprocess.Popen` the tests use."""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[2]


@cache
def _nursery() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The nursery of this process; it ends when the socket is closed, at our own end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}
    with theirs:
        return ours, subprocess.Popen([sys.executable, "-m", "tests.nursery"], cwd=TOP, env=environ, stdin=theirs)


def anew(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """The same, started by Python, with nothing imported before: for tests of what a run costs."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailproc", *arguments],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Process:
    """``mailproc`` with these arguments in a folder, on a ``terminal`` or with pipes for ``stdout`` and ``stderr``, UTF-8.

    ``returncode`` is None until somebody has asked how it ended; minus the number of a signal, as `subprocess` has it.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        terminal: int | None = None,
        stdin: int | None = None,
    ) -> None:
        self.args = ["mailproc", *arguments]
        self.returncode: int | None = None
        end, asked = os.pipe()
        self._end = os.fdopen(end, "rb", buffering=0)
        if terminal is None:
            out, err = os.pipe(), os.pipe()
            self.stdout, self.stderr = (os.fdopen(pipe[0], encoding="utf-8", newline="") for pipe in (out, err))
            standard = [os.open(os.devnull, os.O_RDONLY) if stdin is None else os.dup(stdin), out[1], err[1]]
        else:
            standard = [os.dup(terminal) for _ in range(3)]
        umask = os.umask(0)
        os.umask(umask)
        order = {"arguments": list(arguments), "folder": str(folder), "environ": dict(environ), "umask": umask}
        socket.send_fds(_nursery()[0], [json.dumps(order).encode()], [*standard, asked])
        for descriptor in (*standard, asked):
            os.close(descriptor)
        self.pid = self._told()

    def poll(self) -> int | None:
        """How it ended; None while it has not."""
        if self.returncode is None and self._has_ended(0):
            self.returncode = self._told()
            self._end.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ends. Raises `subprocess.TimeoutExpired` after so many seconds."""
        if self.returncode is None and not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        ended = self.poll()
        assert ended is not None
        return ended

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it says until everybody has closed its pipes, and has ended itself. Raises `subprocess.TimeoutExpired`."""
        until = None if timeout is None else time.monotonic() + timeout
        said: dict[int, list[bytes]] = {}
        with selectors.DefaultSelector() as reading:
            for stream in (self.stdout, self.stderr):
                if not stream.closed:
                    reading.register(stream, selectors.EVENT_READ)
                    said[stream.fileno()] = []
            pipes = list(said)
            while reading.get_map():
                for key, _ in self._before(until, reading):
                    if data := os.read(key.fd, 1 << 16):
                        said[key.fd].append(data)
                    else:
                        reading.unregister(key.fileobj)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        self.stdout.close()
        self.stderr.close()
        out, err = (b"".join(said[pipe]).decode() for pipe in pipes) if pipes else ("", "")
        return out, err

    def _before(self, until: float | None, reading: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
        ready = reading.select(None if until is None else max(0.0, until - time.monotonic()))
        if not ready:
            raise subprocess.TimeoutExpired(self.args, 0.0)
        return ready

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        asking = select.poll()
        asking.register(self._end, select.POLLIN)
        return bool(asking.poll(None if timeout is None else int(timeout * 1000)))

    def _told(self) -> int:
        return int(self._end.readline() or "the nursery has ended")


Running = Process | subprocess.Popen[str]
