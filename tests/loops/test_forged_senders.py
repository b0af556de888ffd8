"""Forged senders (class B59): nothing is sent to anybody who did not write as an active user, whatever a handler wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.maildrops.memory import MemoryDrop
from tests.installation import make_mail
from tests.loops.forged import ANN, KINDS, admit_those_who_are_known, forgeries
from tests.loops.handlers import WAYS
from tests.loops.houses import MAX_SIZE, House
from tests.servers.relay import RelayServer

REASONS = (
    "null reverse path",
    "not from a person",
    "X-Auto-Response-Suppress",
    "no single author",
    "our own address",
    "unknown sender",
    "inactive user",
)
COUNT = 400  # `python -m benchmarks.loops` sends 25 times as many


@pytest.fixture
def house(tmp_path: Path, sqlite_template: Path, relay: RelayServer) -> Iterator[House]:
    """An installation whose handler answers everybody, in the way that the recipient says."""
    house = House(tmp_path / "a", sqlite_template, relay, "a.example", [])
    admit_those_who_are_known(house)
    yield house
    house.close()


def test_b59_nobody_is_answered_who_did_not_write(house: House, relay: RelayServer) -> None:
    """Hundreds of mails of every kind, for a handler that replies, rejects and crashes: nothing is sent, and nothing waits."""
    sent = list(forgeries(COUNT))
    assert {mail.kind for mail in sent} == {*(kind.__name__ for kind in KINDS), "null-path"}
    house.installation.empty(house.works, MemoryDrop("main", [mail.delivered for mail in sent]))
    house.installation.flush(house.works)
    assert (house.installation.outbox(), relay.received) == ([], [])
    receipts = house.installation.receipts()
    assert len(receipts) == COUNT
    assert {receipt.disposition for receipt in receipts} == {"handled", "rejected", "failed", "dropped"}
    assert {receipt.answer for receipt in receipts if receipt.answer} == {f"answer suppressed: {reason}" for reason in REASONS}


@pytest.mark.parametrize("recipient", [*(f"{way}@a.example" for way in WAYS), "book@unserved.example"])
@pytest.mark.parametrize("text", ["Hello", "x" * MAX_SIZE], ids=["small", "too-big"])
def test_an_active_user_is_answered_by_the_same(house: House, relay: RelayServer, recipient: str, text: str) -> None:
    """The silence is not the installation's: in each of these ways an active user does get one answer."""
    house.box.append([make_mail("1", to=recipient, text=text)])
    house.work()
    assert [mail.rcpt_tos for mail in relay.received] == [[ANN]]
