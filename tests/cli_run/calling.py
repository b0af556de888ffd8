"""The program as a shell calls it: a real process, with and without a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.nursery.process import Process

TOP = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it wrote as JSON Lines, which must be ASCII."""
        assert self.out.isascii()
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def line(self) -> str:
        """The one line on stderr, of a command that wrote nothing else; it is no traceback and holds no control character."""
        assert self.out == ""
        assert self.err.endswith("\n")
        line = self.err.removesuffix("\n")
        assert line.isprintable(), self.err
        assert line.startswith("mailproc: ")
        assert "Traceback" not in line
        return line.removeprefix("mailproc: ")


def command(*arguments: str | Path) -> list[str]:
    """The command line of ``mailproc`` with these arguments."""
    return [sys.executable, "-m", "mailproc", *map(str, arguments)]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What cron gives a program, and where ours is."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1", **more}


def call(
    folder: Path, *arguments: str | Path, environ: Mapping[str, str] | None = None, started: list[str] | None = None
) -> Ended:
    """Run ``mailproc``, or the program that ``started`` names, in a folder, without a terminal."""
    if started is None:
        process = Process([*map(str, arguments)], folder, environment(folder, **(environ or {})))
        out, err = process.communicate(timeout=60)
        return Ended(process.wait(), out, err)
    ended = subprocess.run(
        started,
        cwd=folder,
        env=environment(folder, **(environ or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def call_on_terminal(folder: Path, *arguments: str | Path, columns: int = 80) -> tuple[int, str]:
    """Run ``mailproc`` on a terminal of its own; answers the status and all that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = Process([*map(str, arguments)], folder, environment(folder, TERM="xterm"), terminal=theirs)
    os.close(theirs)
    written = b""
    until = time.monotonic() + 60
    try:
        while time.monotonic() < until and (piece := _read(ours)) is not None:
            written += piece
        return process.wait(10), written.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes | None:
    """What is there now; None when nobody holds the other side any more."""
    if not select.select([terminal], [], [], 0.2)[0]:
        return b""
    try:
        return os.read(terminal, 65536) or None
    except OSError:
        return None
