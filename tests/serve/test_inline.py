"""`mailproc serve` that works a message before its reply, through a socket and with processes of its own."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.installation import RECIPIENT, Installation, finish, make_mail
from tests.processes import descendants_of, lives, wait_for
from tests.serve.house import ANN, House
from tests.smtpd.dialogue import codes

HANGING = """
import time
from mailproc import handler

@handler()
class Hanging:
    def accepts(self, address):
        time.sleep(3600)

    def __call__(self, delivery):
        return delivery.handled()

hanging = Hanging()
"""

# What a client is told when the handler does this.
DEEDS = {
    "1": "250 2.0.0",
    "2 drop": "250 2.0.0",
    "3 reject": "554 5.6.0",
    "4 defer": "451 4.3.0",
    "5 raise": "451 4.3.0",
    "6 kill": "451 4.3.0",
    "7 sleep 60": "451 4.3.0",
    "8 vanish": "451 4.3.0",
    "9": "250 2.0.0",
    "10 escape": "250 2.0.0",
}

ONE, TWO = "one@notes.example.org", "two@notes.example.org"


def test_the_replies_of_one_evening(installation: Installation) -> None:
    """Each outcome has its reply; bugs, deaths and hangs cost their message alone, and the door stays open."""
    with House(installation).opened() as house:
        said = {subject: codes(house.send(make_mail(subject)))[0] for subject in DEEDS}
        assert house.send(make_mail("12"), "nobody@elsewhere.example.net")[-2] == "550 5.7.1 Relaying denied"
        assert codes(house.send(make_mail("11 rejectone"), ONE, TWO)) == ["250 2.0.0"]
        wait_for(installation.sent)
    assert said == DEEDS
    assert installation.effects() == ["1", "10", "11", "11", "2", "3", "9"]
    assert installation.balance().balanced
    assert [mail["To"] for mail in installation.sent()] == [ANN]  # the one that was refused beside one that was not


def test_poison_is_given_up_after_three_starts(installation: Installation) -> None:
    """What kills its process gets 451 as long as there is hope, then 554 with the OOPS, and is not started a fourth time."""
    with House(installation).opened() as house:
        replies = [house.send(make_mail("1 kill"))[0] for _ in range(5)]
    assert codes(replies) == ["451 4.3.0"] * 3 + ["554 5.3.0"] * 2
    assert replies[4] == replies[3]
    assert len(installation.calls()) == 3
    (oops,) = installation.oopses()
    assert oops.id in replies[3]


def test_lmtp_has_a_reply_for_each(installation: Installation) -> None:
    """RFC 2033 section 4.2, also where a worker dies."""
    with House(installation, scheme="lmtp").opened() as house:
        assert codes(house.send(make_mail("1 rejectone"), ONE, TWO, greeting="LHLO")) == ["554 5.6.0", "250 2.0.0"]
        assert codes(house.send(make_mail("2 kill"), ONE, TWO, greeting="LHLO")) == ["451 4.3.0"] * 2


@pytest.mark.parametrize("failpoint", ["receive", "attempt", "parse", "handler-half", "receive-before-250"])
def test_a_worker_that_dies_anywhere_doubles_nothing(installation: Installation, failpoint: str) -> None:
    """SIGKILL at each step: the client hears no 250, comes again, and the effect is there once."""
    dies_at(installation, failpoint)


@pytest.mark.parametrize("failpoint", ["before-commit", "after-commit"])
def test_a_worker_that_dies_at_the_commit_doubles_nothing(on_each_database: Installation, failpoint: str) -> None:
    """The same around the commit, on each database."""
    dies_at(on_each_database, failpoint)


def dies_at(installation: Installation, failpoint: str) -> None:
    """Have a worker killed there, and the client come again; what came of it is asserted."""
    house = House(installation)
    with house.opened(failpoint=f"{failpoint}:kill"):
        said = [codes(house.send(make_mail("1")))[0] for _ in range(2)]
    assert said[0] == "451 4.3.0"
    with house.opened():
        assert codes(house.send(make_mail("1")))[0] == "250 2.0.0"
    assert installation.effects() == ["1"]
    assert (installation.balance().seen, installation.balance().balanced) == (1, True)


def test_a_stop_lets_the_message_in_hand_end(installation: Installation) -> None:
    """SIGTERM while a handler works: its client hears the reply, then everybody leaves."""
    house = House(installation)
    house.open()
    assert house.process is not None
    with house.client() as client, house.client() as idle:
        for each in (client, idle):
            each.reply()
            each.say("EHLO client.example.net")
        client.say_all(f"MAIL FROM:<{ANN}>", f"RCPT TO:<{RECIPIENT}>", "DATA")
        client.send(make_mail("1 sleep 0.8") + b".\r\n")
        wait_for(installation.calls)
        below = descendants_of(house.process.pid)
        house.process.send_signal(signal.SIGTERM)
        assert codes([client.reply()]) == ["250 2.0.0"]
        assert codes([idle.reply()]) == ["421 4.3.2"]
    assert house.process.wait(timeout=20) == os.EX_OK
    assert not any(map(lives, below))
    assert installation.effects() == ["1"]


def test_a_stop_answers_who_waits_for_a_worker(installation: Installation) -> None:
    """With one worker that is busy the others wait: they hear 451 at once and come again, or 421 before their message."""
    house = House(installation, "workers = 1")
    house.open()
    assert house.process is not None
    with ThreadPoolExecutor(4) as clients:
        told = [clients.submit(house.send, make_mail(f"{number} sleep 1")) for number in range(4)]
        wait_for(installation.calls)
        house.process.send_signal(signal.SIGTERM)
        replies = sorted(codes([each.result()[0]])[0] for each in told)
    assert house.process.wait(timeout=20) == os.EX_OK
    assert replies.count("250 2.0.0") == 1
    assert set(replies) <= {"250 2.0.0", "451 4.3.2", "421 4.3.2"}


def test_nobody_outlives_a_server_that_was_killed(installation: Installation) -> None:
    """SIGKILL of the door: supervisors, workers and what they started are gone with it."""
    house = House(installation)
    house.open()
    assert house.process is not None
    assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
    below = descendants_of(house.process.pid)
    assert len(below) >= 5
    house.kill()
    wait_for(lambda: not any(map(lives, below)))


def test_the_stop_file_has_clients_come_again(installation: Installation) -> None:
    """While it is there nothing is worked, and nothing is refused either."""
    with House(installation).opened() as house:
        stop = installation.state.folder / "stop"
        stop.touch()
        assert codes(house.send(make_mail("1"))) == ["451 4.3.2"]
        stop.unlink()
        assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]


def test_a_lost_supervisor_ends_the_service(installation: Installation) -> None:
    """That is a bug of ours: nothing more is taken in, the status is 70, and systemd starts all anew."""
    house = House(installation)
    house.open()
    assert house.process is not None
    os.kill(int(Path(f"/proc/{house.process.pid}/task/{house.process.pid}/children").read_text().split()[-1]), signal.SIGKILL)
    done = finish(house.process)
    assert done.returncode == os.EX_SOFTWARE
    assert "a process of ours has ended by itself" in done.stderr


def test_a_handler_that_hangs_when_asked_for_an_address(installation: Installation) -> None:
    """Its domain is told to come again, others are served, and a stop is no slower for it."""
    (installation.folder / "hanging.py").write_text(HANGING)
    with installation.config.open("a") as config:
        config.write('[domains."slow.example.org"]\nhandler = "hanging:hanging"\n')
    house = House(installation)
    house.open()
    assert house.process is not None
    clients = [house.client() for _ in range(8)]
    for client in clients:
        client.send(f"EHLO x\r\nMAIL FROM:<{ANN}>\r\nRCPT TO:<a@slow.example.org>\r\n".encode())
    assert codes(house.send(make_mail("1"))) == ["250 2.0.0"]
    house.process.terminate()
    done = finish(house.process, timeout=15)
    assert done.returncode == os.EX_OK, done.stderr
    for client in clients:
        client.socket.close()


def test_a_worker_that_is_lost_is_replaced(installation: Installation) -> None:
    """Every worker may be killed, again and again, with a message in hand and without one."""
    house = House(installation, "workers = 1")
    house.open()
    for _ in range(3):
        assert codes(house.send(make_mail("1 kill"))) == ["451 4.3.0"]
    assert codes(house.send(make_mail("2"))) == ["250 2.0.0"]
    assert house.process is not None
    worker = descendants_of(house.process.pid)[-1]
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not lives(worker))
    assert codes(house.send(make_mail("3"))) == ["250 2.0.0"]
    house.close()
