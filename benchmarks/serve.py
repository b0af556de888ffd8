"""How many messages a second `mailproc serve` accepts, beside a bare aiosmtpd that writes each durably into a Maildir.

::

    python -m benchmarks.serve [MESSAGES [CLIENTS]]

Both are loaded in turn, several times, by the same clients on the same disk, since these machines are noisy: the figure is
the ratio of the medians. ``spool`` is measured without and with the process that works what was accepted, ``inline`` besides.
The more clients send at once, the more mails one commit makes durable.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.smtp_load import Told
from tests.databases import fresh_database
from tests.installation import Installation
from tests.processes import free_port, listens, wait_for

RECIPIENT = "book@notes.example.org"
ROUNDS = 5
SECONDS = 60.0


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server, until the end of the block."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (folder / "stderr").open("ab") as stderr:
        process = subprocess.Popen([sys.executable, *command], env=environment, stderr=stderr)
    try:
        wait_for(lambda: listens(("127.0.0.1", port)) or process.poll() is not None)
        if process.poll() is not None:
            raise RuntimeError("the server does not listen")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def loaded(port: int, clients: int, messages: int) -> Told:
    """What clients in a process of their own were told."""
    command = [sys.executable, "-m", "benchmarks.smtp_load", *map(str, (port, clients, messages, RECIPIENT, SECONDS))]
    done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
    return Told(**json.loads(done.stdout))


def rate(kind: str, clients: int, messages: int) -> float:
    """Messages a second that a server of this kind accepts."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        with running(_command(kind, folder, port), port, folder):
            told = loaded(port, clients, messages)
        if len(told.accepted) != messages:
            raise RuntimeError(f"{kind}: {len(told.accepted)} of {messages} accepted; {(folder / 'stderr').read_text()}")
    return messages / told.seconds


def _command(kind: str, folder: Path, port: int) -> list[str]:
    if kind == "bare":
        return ["-m", "benchmarks.bare_smtp", str(port), str(folder / "Maildir")]
    url = fresh_database(f"sqlite:///{folder / 'mailproc.db'}")
    installation = Installation(folder, url)
    installation.close()
    with installation.config.open("a") as config:
        config.write(f'[serve]\nlisten = ["127.0.0.1:{port}"]\nmax_connections_per_address = 100\n')
    mode, work = kind.split(" ")
    return ["-m", "mailproc", "--config", str(installation.config), "serve", "-n", "--mode", mode, f"--{work}"]


def main() -> None:
    """Measure, and print the figures."""
    messages, clients = (int(word) for word in [*sys.argv[1:3], *("1000", "50")[len(sys.argv[1:3]) :]])
    kinds = ("bare", "spool no-work", "spool work", "inline work")
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind in kinds:
            rates[kind].append(rate(kind, clients, messages))
    middle = {kind: statistics.median(found) for kind, found in rates.items()}
    print(f"{messages} messages of 4 kB by {clients} clients, medians of {ROUNDS} rounds in turn:")
    for kind, found in middle.items():
        every = ", ".join(f"{each:.0f}" for each in sorted(rates[kind]))
        print(f"  {kind:14} {found:5.0f} a second, {found / middle['bare']:.2f} of bare  ({every})")


if __name__ == "__main__":
    main()
