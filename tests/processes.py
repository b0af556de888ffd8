"""Processes of this machine, as tests look at them and wait for them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

LONGEST = 20.0  # seconds that a test waits for what must come


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent (a zombie) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """The processes that a process has started; none of one that has gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants_of(pid: int) -> list[int]:
    """The processes below a process, at any depth."""
    return [each for child in children_of(pid) for each in (child, *descendants_of(child))]


def peak_of(pid: int | str = "self") -> int:
    """The KiB of memory that a process has had at most since its exec.

    Not ``ru_maxrss``: a child takes that over from its parent, and does not grow before it is larger than that one was.
    """
    (kib,) = re.findall(r"(?m)^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text())
    return int(kib)


def wait_for(condition: Callable[[], object], seconds: float = LONGEST) -> float:
    """Wait until something is so; answers the seconds that it took, and fails when it takes longer than ``seconds``."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true"
        time.sleep(0.005)
    return time.monotonic() - began


def listens(address: str | tuple[str, int]) -> bool:
    """Whether somebody takes connections at a port of IPv4, or at the path of a Unix socket."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        return probe.connect_ex(address) == 0


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens; a parallel test may take it until its user does."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
