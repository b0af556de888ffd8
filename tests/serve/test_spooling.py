"""`mailproc serve` that makes mail durable before its 250, and leaves the work to a run."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter

import pytest

from benchmarks.smtp_load import Told, load
from tests.installation import RECIPIENT, Installation, finish, make_mail
from tests.processes import descendants_of, wait_for
from tests.serve.house import ANN, House
from tests.smtpd.dialogue import codes

SPOOL = 'mode = "spool"\nmax_connections_per_address = 50'


def test_a_spooled_mail_is_worked_without_cron(installation: Installation) -> None:
    """The 250 is said of what is durable; the work follows at once, and what is found out then is told by mail."""
    with House(installation, SPOOL).opened() as house:
        assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
        assert codes(house.send(make_mail("2 reject"))) == ["250 2.0.0"]
        wait_for(lambda: len(installation.sent()) == 1)
    assert installation.effects() == ["1", "2"]
    assert installation.sent()[0]["To"] == ANN


def test_a_spooled_mail_may_wait_for_cron(installation: Installation) -> None:
    """With ``work = false`` nobody but `mailproc handle` does the work, and needs no maildrop for it."""
    house = House(installation, f"{SPOOL}\nwork = false")
    with house.opened():
        house.send(make_mail("1"))
    assert installation.effects() == []
    assert installation.run().returncode == 0
    assert installation.effects() == ["1"]


@pytest.mark.parametrize("failpoint", ["archive-temp", "archive-rename", "receive", "receive-after-spool", "door-reply"])
def test_a_door_that_is_killed_anywhere_loses_and_doubles_nothing(installation: Installation, failpoint: str) -> None:
    """SIGKILL around the commit: no 250 was heard, the client comes again, and the mail is handled once."""
    house = House(installation, f"{SPOOL}\nwork = false")
    house.open(failpoint=f"{failpoint}:killall")
    assert house.send(make_mail("1")) == [""]
    with house.opened():
        assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
    assert installation.run().returncode == 0
    assert (installation.effects(), installation.balance().seen) == (["1"], 1)


def test_a_flood_survives_a_kill(installation: Installation) -> None:
    """Many clients, a door that is killed in the middle and opened again: what has a 250 is handled, once."""
    house = House(installation, SPOOL)
    house.open()
    told = Told()
    flood = threading.Thread(target=lambda: asyncio.run(load(house.port, 20, 400, RECIPIENT, 60, told)))
    flood.start()
    wait_for(lambda: len(told.accepted) > 100)
    house.kill()
    with house.opened():
        flood.join()
    assert (installation.folder / "state" / "crowd").exists()
    assert installation.run().returncode == 0
    handled = Counter(installation.effects())
    assert set(handled.values()) == {1}
    assert {str(number) for number in told.accepted} <= handled.keys()
    assert len(handled) <= len(told.accepted) + len(told.unanswered)
    assert (installation.balance().waiting, installation.balance().balanced) == (0, True)


def test_a_database_that_is_lost_has_no_250(installation: Installation) -> None:
    """The file is taken away from under a door: nothing is promised into what nobody can open any more."""
    with House(installation, f"{SPOOL}\nwork = false").opened() as house:
        assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
        for file in installation.folder.glob("mailproc.db*"):
            file.rename(installation.folder / f"lost-{file.name}")
        assert codes(house.send(make_mail("2"))) == ["451 4.3.0"]
        for file in installation.folder.glob("lost-*"):
            file.rename(installation.folder / file.name.removeprefix("lost-"))
        assert codes(house.send(make_mail("2"))) == ["250 2.0.0"]
    assert installation.oopses() == []


def test_a_state_folder_that_was_replaced_is_used(installation: Installation) -> None:
    """A door needs nothing that lay in the one before, and what waits is found though the note of it is lost."""
    house = House(installation, f"{SPOOL}\nwork = false")
    with house.opened():
        assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
        installation.state.folder.rename(installation.folder / "lost")
        assert codes(house.send(make_mail("2"))) == ["451 4.3.0"]
        assert finish(installation.start("upgrade", command="db")).returncode == 0
        assert installation.run().returncode == 0
        assert codes(house.send(make_mail("2"))) == ["250 2.0.0"]
    assert installation.effects() == ["1"]


def test_a_spool_that_hangs_is_replaced(installation: Installation) -> None:
    """As on a disk that does not answer: its clients hear 451 when its time is over, and 250 of the next one."""
    house = House(installation, f"{SPOOL}\nwork = false")
    house.open(failpoint="receive:hang:2")
    assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
    assert codes(house.send(make_mail("2"))) == ["451 4.3.0"]
    assert codes(house.send(make_mail("2"))) == ["250 2.0.0"]
    assert "the worker died of it, it took longer than 2 s; its mail is with its clients, who will come again" in house.close()


def test_a_spool_that_is_lost_is_replaced(installation: Installation) -> None:
    """Also while the database is away: then clients hear 451 at once, and 250 when it has come back."""
    house = House(installation, f"{SPOOL}\nwork = false")
    house.open()
    database, elsewhere = installation.folder / "mailproc.db", installation.folder / "elsewhere.db"
    database.rename(elsewhere)
    assert house.process is not None
    os.kill(descendants_of(house.process.pid)[-1], signal.SIGKILL)
    assert codes(house.send(make_mail("1"))) == ["451 4.3.0"]
    elsewhere.rename(database)
    wait_for(lambda: codes(house.send(make_mail("1"))) == ["250 2.0.0"])
    assert "the worker died outside of any message" in house.close()
