"""The worst mails of 25 MiB: how long the whole inspection of one takes, and how much memory.

::

    python -m benchmarks.worst              # all of them
    python -m benchmarks.worst "one line"   # those whose name holds this, or any other that is given

Each is looked at by a process of its own, which has looked at a small mail before. Seconds are those of the processor, with
those of gpg: on a machine that does nothing else they are those of the clock. Memory is what the process then takes at most
beyond what it took before, the mail itself included, and what gpg takes beside it. Who writes is known and has a key, so that
signatures are verified. The exit status is 1 where a limit is broken.
"""

from __future__ import annotations

import hashlib
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.worst_shapes import ANN, Keys, shapes
from mailproc.app import make_inspector
from mailproc.directory import RegisteredKey, User
from mailproc.envelope import MAX_SIZE
from mailproc.openpgp.certificates import read_certificates
from mailproc.testing import SigningKey
from mailproc.userfile import UserFile

SECONDS = 2.0
MEMORY = 256 << 20  # octets
TRIES = 3  # of a shape that takes too long: what else runs on the machine is not its fault
LOOK = 0.01  # seconds between two looks at gpg
TIMEOUT = 120.0

ARRIVAL = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SMALL = b"From: ann@example.org\r\nTo: robot@example.net\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one mail took: seconds, and octets of memory; ``end`` is the rule that decided and the defects, or the error."""

    shape: str
    size: int
    seconds: float
    memory: int
    gpg: int
    end: str

    @property
    def broken(self) -> bool:
        """Whether it is over a limit."""
        return self.seconds > SECONDS or self.memory + self.gpg > MEMORY or self.end.startswith("error")

    def __str__(self) -> str:
        memory = f"{self.memory / 2**20:6.0f} MiB {self.gpg / 2**20:4.0f} MiB gpg"
        mark = "  TOO MUCH" if self.broken else ""
        return f"{self.seconds:6.2f} s {memory} {self.size / 1e6:6.1f} MB  {self.shape}: {self.end}{mark}"


def measure(shape: str, raw: bytes, keys: Keys, folder: Path) -> Cost:
    """The cost of a mail of this shape, the least of several tries where it is too much."""
    if len(raw) > MAX_SIZE:
        raise ValueError(f"{shape}: {len(raw)} octets are no mail that is read")
    file, certificate = folder / "mail.eml", folder / "certificate"
    file.write_bytes(raw)
    certificate.write_bytes(keys.ann.certificate)
    size = len(raw)
    del raw
    best = _once(shape, size, file, certificate)
    for _ in range(TRIES - 1):
        if not best.broken:
            break
        best = min(best, _once(shape, size, file, certificate), key=lambda cost: (cost.broken, cost.seconds))
    return best


def _once(shape: str, size: int, file: Path, certificate: Path) -> Cost:
    """Look at a file in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.worst", "--look", str(file), str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        gpg = 0
        until = time.monotonic() + TIMEOUT
        while process.poll() is None and time.monotonic() < until:
            gpg = max([gpg, *map(_peak, _gpgs(process.pid))])
            time.sleep(LOOK)
        process.kill()
        said, _ = process.communicate()
    if not said:
        return Cost(shape, size, TIMEOUT, 0, gpg, f"error: no end, exit status {process.returncode}")
    found = json.loads(said)
    return Cost(shape, size, found["seconds"], found["memory"], gpg, found["end"])


def _gpgs(pid: int) -> Iterator[int]:
    """The gpg processes that a process has started; one that has not become gpg yet still shows the memory of its parent."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text() == "gpg\n":
                    yield int(child)


def _peak(pid: int | str) -> int:
    """The most memory that a process has had so far, in octets; 0 where it is gone."""
    return _memory(pid, "VmHWM")


def _memory(pid: int | str, key: str) -> int:
    with suppress(OSError):
        found = re.search(rf"{key}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def look(file: Path, certificate: Path) -> None:
    """Inspect a small mail, then the one in the file, and print what that took, as JSON."""
    user = User(ANN)
    (found,) = read_certificates(certificate.read_bytes())
    key = RegisteredKey(found.fingerprint, ANN, found.data)
    directory = UserFile({ANN: user}, {ANN: (key,)}, dict.fromkeys(found.names, (key,)))
    inspector = make_inspector(None, directory, timedelta())

    def inspect(raw: bytes) -> dict[str, object]:
        return inspector.mail("mail", raw, len(raw), hashlib.sha256(raw).hexdigest(), ARRIVAL)

    inspect(SMALL)
    idle = _memory("self", "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    raw = file.read_bytes()
    began = _processor()
    record = inspect(raw)
    seconds = _processor() - began
    end = f"error: {record['error']}" if record["error"] else f"{record['rule']}; {', '.join(record['defects'])}"  # type: ignore[call-overload]
    print(json.dumps({"seconds": seconds, "memory": _peak("self") - idle, "end": end}))


def _processor() -> float:
    """The seconds that this process and the ones that it has waited for have run."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(*wanted: str) -> int:
    """Measure and print; 1 where a limit is broken."""
    with (
        SigningKey.generate(f"Ann <{ANN}>") as ann,
        SigningKey.generate("Mallory <m@example.net>") as mallory,
        tempfile.TemporaryDirectory() as name,
    ):
        keys = Keys(ann, mallory)
        found = [(shape, make) for shape, make in shapes(MAX_SIZE, keys) if any(part in shape for part in wanted or ("",))]
        made = ((shape, make()) for shape, make in found)
        costs = [measure(shape, raw, keys, Path(name)) for shape, raw in made]
    for cost in sorted(costs, key=lambda cost: (cost.seconds, cost.memory), reverse=True):
        print(cost)
    broken = sum(cost.broken for cost in costs)
    print(f"{len(costs)} shapes; over {SECONDS:g} s or {MEMORY >> 20} MiB: {broken}")
    return 1 if broken or not costs else 0


def run(arguments: Sequence[str]) -> int:
    """The command line."""
    if arguments[:1] == ["--look"]:
        look(*map(Path, arguments[1:]))
        return 0
    return main(*arguments)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
