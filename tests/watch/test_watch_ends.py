"""How a watch ends, and what it survives: signals, the deaths of its processes, another configuration."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from mailproc.supervisor import Bounds, Supervisor
from mailproc.worker import Link
from tests.installation import Installation, MaildirBox, finish, make_mail
from tests.processes import children_of, lives, wait_for
from tests.watch.conftest import Make, Watch
from tests.watch.watching import Systemd, more_maildrops


def in_the_handler(site: Installation) -> None:
    """Deliver three mails, and wait until the handler of the first waits for the file ``go``."""
    site.append(make_mail("1 wait"), make_mail("2"), make_mail("3"))
    wait_for(lambda: site.calls())


def test_a_stop_lets_the_message_in_hand_end(make: Make, watch: Watch) -> None:
    """It is finished, committed and deleted, the others are given back; a second signal makes nothing worse."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    in_the_handler(site)
    processes = children_of(watched.process.pid)
    for number in (signal.SIGTERM, signal.SIGINT):
        watched.process.send_signal(number)
        time.sleep(0.3)
    assert watched.process.poll() is None
    (site.folder / "go").touch()
    done = finish(watched.process)
    assert (done.returncode, done.stderr) == (0, "")
    assert (site.effects(), site.left_in_maildrop()) == (["1"], ["2", "3"])
    assert [(receipt.disposition, receipt.attempts) for receipt in site.receipts()] == [("handled", 1), (None, 0), (None, 0)]
    assert (len(processes), [pid for pid in processes if lives(pid)]) == (2, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_nothing_is_in_hand(number: int, make: Make, watch: Watch) -> None:
    """It ends at once, and says so to the service manager."""
    watched = watch(make())
    began = time.monotonic()
    watched.process.send_signal(number)
    assert watched.stop() == (0, "")
    assert time.monotonic() - began < 5
    watched.systemd.hear("STOPPING=1")


def test_a_worker_is_told_to_stop_once(tmp_path: Path) -> None:
    """However often its supervisor is: told once more, it would give its handler time that the supervisor has not."""
    told = tmp_path / "told"
    told.touch()

    def work(link: Link, deaths: dict[str, str]) -> int:
        def note(number: int, frame: object) -> None:
            with told.open("a") as file:
                file.write(".")

        signal.signal(signal.SIGTERM, note)
        wait_for(lambda: told.read_text())
        time.sleep(0.6)  # the supervisor heeds four times a second
        return 0

    heeded = []
    supervisor = Supervisor(work, Bounds(), heed=lambda: heeded.append(1) is None)
    assert (supervisor.run(), told.read_text(), len(heeded) > 2) == (0, ".", True)


def test_a_worker_is_told_what_its_supervisor_was_told_before() -> None:
    """A stop that comes while it is born is not lost."""

    def work(link: Link, deaths: dict[str, str]) -> int:
        wait_for(link.stopping)
        return 0

    supervisor = Supervisor(work, Bounds(), heed=lambda: False)
    supervisor._stop()
    assert supervisor.run() == 0


def test_the_ears_are_started_again(make: Make, watch: Watch) -> None:
    """SIGKILL for them is loud, and what comes afterwards is heard; they hold no lock of any maildrop."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    wait_for(lambda: site.state.last_success("main"))
    first = watched.ears
    held = [str(file.readlink()) for file in Path(f"/proc/{first}/fd").iterdir()]
    assert [name for name in held if "/locks/" in name or "/owners/" in name] == []
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: children_of(watched.process.pid) not in ([], [first]))
    site.append(make_mail("1"))
    assert watched.wait_for("1") < 5
    status, said = watched.stop()
    assert (status, said) == (
        0,
        "mailproc: the process that listens to the maildrops has died, with status -9; it is started again\n",
    )


def test_nothing_survives_a_killed_watch(make: Make, watch: Watch) -> None:
    """SIGKILL is the end of the ears and of the worker too, the locks are free, and the next run does what was in hand."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    in_the_handler(site)
    processes = children_of(watched.process.pid)
    assert len(processes) == 2
    watched.process.kill()
    assert watched.process.wait(5) == -signal.SIGKILL
    wait_for(lambda: not any(lives(pid) for pid in processes), 5)
    (site.folder / "go").touch()
    assert site.run().returncode == 0
    assert (site.effects(), site.left_in_maildrop()) == (["1", "2", "3"], [])


def test_sighup_reads_the_configuration_again(make: Make, watch: Watch, tmp_path: Path) -> None:
    """New maildrops are watched, old ones no more, and the service manager is told when."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    other = MaildirBox(tmp_path / "other")
    more_maildrops(site, {"other": other.url})
    site.edit('[[maildrop]]\nname = "main"', '[[maildrop]]\nname = "renamed"')
    watched.process.send_signal(signal.SIGHUP)
    said = watched.systemd.hear("RELOADING=1")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert 0 <= before - int(said.partition("\nMONOTONIC_USEC=")[2]) < 20_000_000
    watched.systemd.hear("READY=1")
    other.append([make_mail("1")])
    site.append(make_mail("2"))
    watched.wait_for("1", "2")
    assert {receipt.maildrop for receipt in site.receipts()} == {"other", "renamed"}
    assert watched.stop() == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("[limits]", "[limist]", "did you mean limits?"), ('use = "tests.crash.deeds:Deeds"', 'use = "no.such:Thing"', "no.such")],
)
def test_a_broken_configuration_is_not_taken(old: str, new: str, line: str, make: Make, watch: Watch, systemd: Systemd) -> None:
    """That is said, whether it can be seen in the file or only by its use, and the one before stays."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    site.edit(old, new)
    watched.process.send_signal(signal.SIGHUP)
    systemd.hear("RELOADING=1")
    systemd.hear("READY=1")
    site.edit(new, old)
    site.append(make_mail("1"))
    watched.wait_for("1")
    status, said = watched.stop()
    assert (status, line in said, "the configuration is not taken, and the one before stays" in said) == (0, True, True)
