"""A storm at the doors of `mailproc serve`: too many clients, slow ones, too many recipients, a flood with a kill in it.

::

    python -m benchmarks.storm [PART...]      # connections, one-address, slow, recipients, flood; all without a word

Each part prints a line with its figures, and ends with status 1 when a limit did not hold or a mail was lost or doubled.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.backlog import memory
from benchmarks.smtp_load import Told, load
from tests.databases import fresh_database
from tests.installation import RECIPIENT, Installation, make_mail
from tests.serve.house import House
from tests.smtpd.dialogue import Client

FLOOD_SECONDS, FLOOD_RATE = 30.0, 1000


@contextmanager
def built(section: str) -> Iterator[House]:
    """A server in a folder of its own; its doors are not open yet."""
    with tempfile.TemporaryDirectory() as name:
        url = fresh_database(f"sqlite:///{Path(name) / 'mailproc.db'}")
        with Installation(Path(name), url) as installation:
            yield House(installation, section)


def _memory(house: House) -> float:
    """MiB of PSS of the server and all below it."""
    return memory(house.process.pid) / 2**20 if house.process else 0.0


def _hold(true: bool, *what: object) -> None:
    """End when a limit did not hold."""
    if not true:
        raise SystemExit(f"it did not hold: {what}")


def _connected(house: House, number: int, addresses: int) -> list[str]:
    """The first words to so many clients at once, from so many addresses."""
    clients: list[Client] = []
    try:
        for index in range(number):
            clients.append(Client(("127.0.0.1", house.port), source=f"127.0.1.{1 + index % addresses}"))
        return [client.reply()[:3] for client in clients]
    finally:
        for client in clients:
            client.socket.close()


def connections() -> str:
    """500 connections at once from 50 addresses: as many as are allowed are greeted, the others are told 421."""
    with built("") as house, house.opened():
        before = _memory(house)
        words = Counter(_connected(house, 500, 50))
        accepted = house.send(make_mail("1"))[-1]
        _hold(words == {"220": 100, "421": 400} and accepted.startswith("250"), words, accepted)
        return f"500 connections: {dict(words)}; memory {before:.0f} MiB before, {_memory(house):.0f} MiB after"


def one_address() -> str:
    """300 connections from one address, while another one is served."""
    with built("") as house, house.opened():
        clients = [Client(("127.0.0.1", house.port), source="127.0.1.1") for _ in range(300)]
        words = Counter(client.reply()[:3] for client in clients)
        accepted = house.send(make_mail("1"))[-1]
        for client in clients:
            client.socket.close()
        _hold(words == {"220": 10, "421": 290} and accepted.startswith("250"), words, accepted)
        return f"300 connections from one address: {dict(words)}; a mail from another address: {accepted[:9]}"


def slow() -> str:
    """90 clients that send an octet a second inside a message, and one that wants to be served meanwhile."""
    section = 'timeout = "20 s"\nmax_connections_per_address = 100'
    with built(section) as house, house.opened():
        slow_ones = [_begun(house, f"127.0.2.{1 + index}") for index in range(90)]
        began = time.monotonic()
        served = 0
        while time.monotonic() - began < 15:
            for client in slow_ones:
                client.send(b"x")
            served += house.send(make_mail(f"{served}"))[-1].startswith("250")
            time.sleep(max(0.0, began + served - time.monotonic()))
        memory = _memory(house)
        _hold(served >= 10, served)
        # A client that says nothing more for the time that is allowed is let go.
        ended = sum(not _still_there(client, 30) for client in slow_ones)
        _hold(ended == 90, ended)
        return (
            f"90 slow clients for 15 s: {served} mails of another one served; memory {memory:.0f} MiB; all 90 let go in the end"
        )


def _begun(house: House, source: str) -> Client:
    client = Client(("127.0.0.1", house.port), source=source, timeout=40)
    client.reply()
    client.say_all("EHLO slow.example.com", "MAIL FROM:<ann@example.com>", f"RCPT TO:<{RECIPIENT}>", "DATA")
    client.send(b"Subject: slow\r\n\r\n")
    return client


def _still_there(client: Client, seconds: float) -> bool:
    client.socket.settimeout(seconds)
    with suppress(TimeoutError, OSError):
        while client.socket.recv(4096):
            continue
        return False
    return True


def recipients() -> str:
    """2,000 recipients of one message: those over the limit are told 452, and the others get it."""
    with built("") as house, house.opened():
        with house.client() as client:
            client.reply()
            client.say_all("EHLO many.example.com", "MAIL FROM:<ann@example.com>")
            told = client.say_all(*(f"RCPT TO:<r{number}@notes.example.org>" for number in range(2000)))
            client.say("DATA")
            client.send(make_mail("1") + b".\r\n")
            accepted = client.reply()
        effects, words = len(house.installation.effects()), Counter(line[:3] for line in told)
        _hold(words == {"250": 100, "452": 1900} and effects == 100, words, effects, accepted)
        return f"2,000 recipients: {dict(words)}; {accepted[:3]}, {effects} effects"


def flood() -> str:
    """1,000 messages a second offered for 30 s to the spool, a SIGKILL in the middle, and then the books."""
    with built('mode = "spool"\nmax_connections_per_address = 100') as house:
        house.open()
        told = Told()
        offer = threading.Thread(
            target=lambda: asyncio.run(load(house.port, 60, 0, RECIPIENT, FLOOD_SECONDS, told, rate=FLOOD_RATE))
        )
        offer.start()
        time.sleep(FLOOD_SECONDS / 2)
        house.kill()
        with house.opened():
            offer.join()
        while house.installation.balance().waiting:
            house.installation.run()
        handled = Counter(house.installation.effects())
        lost = {str(number) for number in told.accepted} - handled.keys()
        doubled = [name for name, times in handled.items() if times > 1]
        _hold(not lost and not doubled and house.installation.balance().balanced, len(lost), len(doubled))
        return (
            f"{FLOOD_RATE * FLOOD_SECONDS:.0f} messages offered in {FLOOD_SECONDS:.0f} s, killed in the middle: "
            f"{len(told.accepted)} accepted, {len(told.unanswered)} without an answer, {len(told.refused)} refused; "
            f"{len(handled)} handled, 0 lost, 0 doubled"
        )


PARTS: dict[str, Callable[[], str]] = {
    "connections": connections,
    "one-address": one_address,
    "slow": slow,
    "recipients": recipients,
    "flood": flood,
}


def main() -> int:
    """Let it storm."""
    for name in sys.argv[1:] or PARTS:
        print(PARTS[name](), flush=True)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
