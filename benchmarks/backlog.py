"""A backlog on a real Dovecot, worked off in one run: how long it takes, and how much memory all processes take together.

::

    python -m benchmarks.backlog 10000

Memory is the proportional set size (PSS): what several processes share is counted once.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.databases import fresh_database
from tests.installation import DovecotBox, Installation, finish, make_mail
from tests.nursery.process import Running, anew
from tests.servers.dovecot import Dovecot

LOOK = 0.1  # seconds between two looks at the memory
APPENDED_AT_ONCE = 500
TEXT = "A line of a mail as people write them, neither long nor short.\r\n" * 60  # 4 kB


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took; ``peak`` in octets of PSS over all its processes, ``left`` messages in the maildrop."""

    messages: int
    seconds: float
    peak: int
    left: int
    handled: int
    status: int

    def __str__(self) -> str:
        return (
            f"{self.messages} messages: {self.handled} handled, {self.left} left, exit status {self.status}, "
            f"{self.seconds:.1f} s, {self.messages / self.seconds:.0f} a second, peak PSS {self.peak / 2**20:.1f} MiB"
        )


def measure(installation: Installation, number: int) -> Measured:
    """Deliver ``number`` mails, run ``mailproc handle`` once, and look on."""
    for start in range(0, number, APPENDED_AT_ONCE):
        stop = min(start + APPENDED_AT_ONCE, number)
        installation.append(*(make_mail(f"mail-{index}", text=TEXT) for index in range(start, stop)))
    began = time.monotonic()
    process = installation.start(begin=anew)
    peak = _look_on(process)
    seconds = time.monotonic() - began
    status = finish(process).returncode
    left = len(installation.left_in_maildrop())
    return Measured(number, seconds, peak, left, installation.balance().handled, status)


def _look_on(process: Running) -> int:
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(LOOK)
    return peak


def memory(pid: int) -> int:
    """The octets of PSS of a process and all below it."""
    return sum(map(_pss, _family(pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def main(number: int) -> int:
    """Measure and print; 0 when every mail was handled and the maildrop is empty."""
    with tempfile.TemporaryDirectory() as name, Dovecot() as dovecot:
        folder = Path(name)
        url = fresh_database(f"sqlite:///{folder / 'mailproc.db'}")
        with Installation(folder, url, DovecotBox(dovecot, "robot")) as installation:
            measured = measure(installation, number)
    print(measured)
    return 0 if measured.handled == number and measured.left == 0 and measured.status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
