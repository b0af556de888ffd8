"""Loops and forged senders, at length: how many mails two programs exchange that answer each other, and who else gets one.

::

    python -m benchmarks.loops --seeds 200 --forged 10000

Prints how many stories ended after how many mails. Exit status 1 when a pair exchanged more than two, or a forged sender got
one.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mailproc.maildrops.memory import MemoryDrop
from tests.databases import fresh_database
from tests.loops.forged import admit_those_who_are_known, forgeries
from tests.loops.houses import House
from tests.loops.pair import Pair, Story
from tests.loops.post import DAMAGES
from tests.loops.vacation import Absence, Holidays
from tests.servers.relay import RelayServer

MOST = 2
AT_ONCE = 1000  # forged mails that are delivered together


def pairs(folder: Path, template: Path, seeds: Iterable[int]) -> bool:
    """Two installations, each a user of the other."""
    with Pair(folder, template) as pair:
        return _told("two installations", ((Story.of(seed), len(pair.play(Story.of(seed)))) for seed in seeds))


def vacations(folder: Path, template: Path, seeds: Iterable[int]) -> bool:
    """An installation, and users whose Sieve scripts answer."""
    with Holidays(folder, template) as holidays:
        played = ((Absence.of(seed), holidays.play(Absence.of(seed))) for seed in seeds)
        return _told("a vacation responder", ((story, len(mails)) for story, pair in played for mails in pair.values()))


def unmarked(folder: Path, template: Path) -> bool:
    """What is left when a gateway takes every sign of an answer away: the limit of answers in an hour."""
    with Pair(folder, template) as pair:
        mails = pair.play(Story(0, damages=frozenset(DAMAGES) - {"precedence"}), rounds=100)
    print(f"two installations, every mark lost: {len(mails)} mails, then the rate ends it")
    return True


def forged(folder: Path, template: Path, count: int) -> bool:
    """Mails of forged senders, to a handler that wants to answer each."""
    began = time.monotonic()
    with RelayServer() as relay:
        house = House(folder / "forged", template, relay, "a.example", [])
        admit_those_who_are_known(house)
        mails = [mail.delivered for mail in forgeries(count)]
        for start in range(0, count, AT_ONCE):
            house.installation.empty(house.works, MemoryDrop(f"main{start}", mails[start : start + AT_ONCE]))
        house.installation.flush(house.works)
        ends = Counter(house.installation.dispositions())
        waiting = len(house.installation.outbox())
        house.close()
        print(
            f"forged senders: {count} mails, {sum(ends.values())} receipts ({_listed(ends)}), "
            f"{len(relay.received)} answers sent, {waiting} waiting, {time.monotonic() - began:.1f} s"
        )
        return not relay.received and not waiting and sum(ends.values()) == count


def _told(name: str, played: Iterable[tuple[object, int]]) -> bool:
    began = time.monotonic()
    found = list(played)
    counts = Counter(mails for _, mails in found)
    print(f"{name}: {len(found)} pairs; mails exchanged: {_listed(counts)}; {time.monotonic() - began:.1f} s")
    for story, mails in found:
        if mails > MOST:
            print(f"  {mails} mails: {story}")
    return max(counts) <= MOST


def _listed(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} x {key}" for key, number in sorted(counts.items(), key=str))


def main(arguments: list[str]) -> int:
    """Play it all and print; 0 when no pair exchanged more than two mails and no forged sender was answered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loops")
    parser.add_argument("--seeds", type=int, default=200, help="stories of each pair")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--forged", type=int, default=10_000, help="mails with forged senders")
    options = parser.parse_args(arguments)
    logging.getLogger("mailproc").setLevel(logging.CRITICAL + 1)  # each crash of a handler would print its traceback
    seeds = range(options.first, options.first + options.seeds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = folder / "template.db"
        fresh_database(f"sqlite:///{template}")
        for part in ("pairs", "vacations", "unmarked"):
            (folder / part).mkdir()
        held = [
            pairs(folder / "pairs", template, seeds),
            vacations(folder / "vacations", template, seeds),
            unmarked(folder / "unmarked", template),
            forged(folder, template, options.forged),
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
