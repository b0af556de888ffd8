"""The state folder: one user's, one lock for a maildrop, and a marker that is never wrongly missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailproc.errors import Away, Locked, SettingsError
from mailproc.state import State, refuse_foreign

HOLD = "import sys,time;from pathlib import Path;from mailproc.state import State;"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state folder as `mailproc init` makes it."""
    state = State(tmp_path / "state")
    state.create()
    return state


def run(state: State, body: str) -> subprocess.Popen[str]:
    """A real process that does ``body`` with this state and then says so."""
    code = f"{HOLD}state=State(Path({str(state.folder)!r}));{body}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str], by: int = signal.SIGKILL) -> None:
    """End it and wait."""
    process.send_signal(by)
    process.communicate(timeout=20)


def test_the_folder_is_its_users_alone(state: State) -> None:
    """It is made with mode 0700, again without harm, and refused when others may look in."""
    state.create()
    assert state.folder.stat().st_mode & 0o777 == 0o700
    state.require()
    state.folder.chmod(0o750)
    with pytest.raises(SettingsError, match=f"type: chmod 700 {state.folder}$"):
        state.require()


def test_a_missing_folder_says_what_to_type(tmp_path: Path) -> None:
    """Only `init` and `db upgrade` make it."""
    with pytest.raises(SettingsError, match="No such file or directory; type: mailproc init, or mailproc db upgrade"):
        State(tmp_path / "state").require()


def test_a_second_run_of_a_maildrop_is_locked_out_and_told_by_whom(state: State) -> None:
    """The lock is the maildrop's own, and a SIGKILL frees it at once."""
    holder = run(state, "l=state.locked('main');l.__enter__();print('ready',flush=True);time.sleep(60)")
    try:
        with pytest.raises(Locked, match=f"^maildrop main: process {holder.pid} is at work on it$"), state.locked("main"):
            pass
        with state.locked("other"):
            pass
    finally:
        end(holder)
    with state.locked("main"):
        pass


def test_a_child_that_closes_the_descriptor_does_not_keep_the_lock(state: State) -> None:
    """The forked worker outlives its supervisor for a moment, and must not lock out the next run."""
    forks = "import os;p=os.fork();p or (os.close(d),print('ready',flush=True));time.sleep(60)"
    holder = run(state, f"l=state.locked('main');d=l.__enter__();{forks}")
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
    holder.send_signal(signal.SIGKILL)
    holder.wait(20)
    try:
        assert children
        with state.locked("main"):
            pass
    finally:
        os.kill(int(children[0]), signal.SIGKILL)
        holder.communicate(timeout=20)


def test_a_lock_is_not_inherited_by_a_program(state: State) -> None:
    """The descriptor is closed on exec."""
    with state.locked("main") as descriptor:
        assert not os.get_inheritable(descriptor)


def test_a_link_in_place_of_a_lock_is_not_followed(state: State, tmp_path: Path) -> None:
    """Nothing outside of the folder is opened for writing."""
    (tmp_path / "precious").write_text("x")
    (state.folder / "locks/main.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="Too many levels"), state.locked("main"):
        pass
    assert (tmp_path / "precious").read_text() == "x"


def test_the_last_success_is_remembered(state: State) -> None:
    """It is a time for each maildrop, None before the first."""
    assert state.last_success("main") is None
    state.note_success("main")
    last = state.last_success("main")
    assert last is not None
    assert abs(datetime.now(UTC) - last) < timedelta(seconds=20)
    os.utime(state.folder / "last-success/main", (0, 0))
    state.note_success("main")
    last = state.last_success("main")
    assert last is not None
    assert last.year > 2000


def test_the_stop_file_is_seen(state: State) -> None:
    """An operator stops a run by touching it."""
    assert not state.stop_requested
    (state.folder / "stop").touch()
    assert state.stop_requested


def test_the_marker_comes_and_goes(state: State) -> None:
    """It is removed only when nothing is left."""
    assert not state.pending
    state.pending.set()
    state.pending.set()
    assert state.pending
    state.pending.clear(lambda: False)
    assert state.pending
    state.pending.clear(lambda: True)
    assert not state.pending
    state.pending.clear(lambda: True)


def test_without_its_folder_the_marker_cannot_be_set(state: State) -> None:
    """What would be committed then might be forgotten: something is away, and the line names the file."""
    marker = state.pending
    state.folder.rename(state.folder.with_name("elsewhere"))
    with pytest.raises(Away, match=r"^state: .*/pending: No such file or directory$"):
        marker.set()


def test_what_was_taken_over_stays_so_when_nobody_can_be_told(state: State, caplog: pytest.LogCaptureFixture) -> None:
    """The mail is committed by then: it is only logged."""
    state.folder.rename(state.folder.with_name("elsewhere"))
    state.note_spooled()
    assert "/spooled: No such file or directory; what came is worked by the next run" in caplog.text


def test_the_marker_survives_its_setter(state: State) -> None:
    """A process that dies after its commit leaves the marker to the next run, which may remove it."""
    end(run(state, "p=state.pending;p.set();print('ready',flush=True);time.sleep(60)"))
    assert state.pending
    state.pending.clear(lambda: True)
    assert not state.pending


def test_nobody_removes_the_marker_under_a_process_that_is_about_to_commit(state: State) -> None:
    """What that process will commit cannot be seen yet, so that none seems left."""
    setter = run(state, "p=state.pending;p.set();print('ready',flush=True);time.sleep(60)")
    try:
        state.pending.clear(lambda: True)
        assert state.pending
    finally:
        end(setter)


def test_the_marker_is_never_missing_under_a_setter(state: State) -> None:
    """Setting while another process sets and clears without pause always leaves the marker there."""
    busy = run(state, "print('ready',flush=True)\nwhile True: p=state.pending;p.set();p.clear(lambda: True)")
    try:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            mine = state.pending
            mine.set()
            assert state.pending
            mine.clear(lambda: False)
    finally:
        end(busy)


@pytest.mark.parametrize("program", ["mailproc", "handle-mail"])
def test_what_belongs_to_another_user_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """The line can be typed as it stands, with all that was typed; what does not exist yet belongs to nobody."""
    monkeypatch.setattr(sys, "argv", [f"/usr/local/bin/{program}", "--config", "a b", "watch", "main"])
    ours = tmp_path / "mailproc.db"
    refuse_foreign([ours])
    ours.touch()
    refuse_foreign([ours])
    name, foreign = ("root", Path("/etc/passwd"))
    if os.geteuid() == 0:
        name, foreign = ("nobody", ours)
        os.chown(ours, 65534, -1)
    told = rf"^{foreign} belongs to {name}; type: sudo -u {name}"
    with pytest.raises(SettingsError, match=rf"{told} {program} --config 'a b' watch main$"):
        refuse_foreign([foreign])
