"""The process that listens: what is left of it when it ends, and what becomes of a watch that cannot start another one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailproc.errors import Transient
from mailproc.state import State
from mailproc.supervisor import Bounds, Supervisor, children
from mailproc.watching.ears import Ears
from tests.installation import make_mail
from tests.processes import children_of, lives, wait_for
from tests.watch.conftest import Make, Watch
from tests.watch.watching import Systemd

COMMAND = """
[[maildrop]]
name = "slow"
url = "imap://robot@127.0.0.1:1/INBOX"
password_command = ["sh", "-c", "(sleep 0.1 & echo $! > left); echo $$ >> started; exec sleep 300"]
"""

# A process that can start no other one as long as there is the file `full`, as on a machine that has too many.
FULL = """
import errno, os
from pathlib import Path
fork = os.fork

def refused():
    if not Path("full").exists():
        return fork()
    with open("refused", "a") as file:
        file.write(".")
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

os.fork = refused
from mailproc.cli import main
from mailproc.watching import watch
watch.REST = 0.5
main()
"""

NONE = "no process can be started: Resource temporarily unavailable; end some, or raise the limit"


def descriptors(pid: int | str = "self") -> int:
    """How many a process has open, without the socket that it may be telling systemd by at this moment."""
    return sum(each.is_symlink() and not each.is_socket() for each in Path(f"/proc/{pid}/fd").iterdir())


def started(folder: Path) -> list[int]:
    """The commands that were started to print a password."""
    file = folder / "started"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_what_prints_a_password_ends_with_who_has_asked(make: Make, watch: Watch, systemd: Systemd) -> None:
    """Whether the ears die or are closed, and it is waited for: a watch of a year leaves neither processes nor zombies."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    text = site.config.read_text()
    site.edit("[log]", f"{COMMAND}\n[log]")
    watched.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(started(site.folder)) == 1)
    left = int((site.folder / "left").read_text())
    wait_for(lambda: not lives(left))
    site.append(make_mail("1"))
    watched.wait_for("1")
    wait_for(lambda: not Path(f"/proc/{left}").exists())
    wait_for(lambda: len(children_of(watched.process.pid)) == 1)
    assert lives(started(site.folder)[0])
    os.kill(watched.ears, signal.SIGKILL)
    wait_for(lambda: len(started(site.folder)) == 2)
    assert not Path(f"/proc/{started(site.folder)[0]}").exists()
    site.config.write_text(text)
    watched.process.send_signal(signal.SIGHUP)
    systemd.hear("READY=1")
    assert not Path(f"/proc/{started(site.folder)[1]}").exists()
    wait_for(lambda: len(children_of(watched.process.pid)) == 1)
    assert watched.stop()[0] == 0


def test_a_process_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No descriptor stays open, no signal blocked; who listens is started later, and it is said in one line."""

    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = descriptors()
    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(Transient, match=f"^{NONE}"):
        Supervisor(lambda link, deaths: 0, Bounds()).run()
    ears = Ears((), 60.0, State(tmp_path), frozenset(children()))
    for _ in range(3):
        ears.open()
    assert (ears.descriptors, ears.opens_at > 0) == ([], True)
    assert descriptors() == before
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_watch_outlives_a_machine_that_is_full(make: Make, systemd: Systemd) -> None:
    """While no process can be started, neither a run nor the ears nor a trial of the configuration, each try is one line."""
    site = make()

    def begin(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", FULL, *arguments]
        return subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=-1, stderr=-1)

    process = site.start("--poll", "1 h", command="watch", begin=begin)
    systemd.hear("READY=1")
    (ears,) = children_of(process.pid)
    opened = descriptors(process.pid)
    (site.folder / "full").touch()
    site.append(make_mail("1"))
    wait_for(lambda: (site.folder / "refused").exists())
    process.send_signal(signal.SIGHUP)
    systemd.hear("RELOADING=1")
    systemd.hear("READY=1")
    assert descriptors(process.pid) == opened
    refused = len((site.folder / "refused").read_text())
    os.kill(ears, signal.SIGKILL)
    wait_for(lambda: len((site.folder / "refused").read_text()) > refused)
    (site.folder / "full").unlink()
    wait_for(lambda: site.effects() == ["1"])
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in said, said.count(NONE) >= 3) == (0, False, True), said
    assert f"the configuration is not taken, and the one before stays: {NONE}" in said
    assert f"nobody listens to the maildrops: {NONE}" in said


def test_ears_that_were_dismissed_tell_nothing_more(tmp_path: Path) -> None:
    """That they end is no news then, and they end by themselves."""
    state = State(tmp_path / "state")
    state.create()
    ears = Ears((), 60.0, state, frozenset(children()))
    ears.open()
    pid = ears._pid
    ears.dismiss()
    status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status  # type: ignore[union-attr]
    assert (status, list(ears.news()), ears.descriptors) == (0, [], [])
    ears.close()
    assert not Path(f"/proc/{pid}").exists()
