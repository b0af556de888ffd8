"""A watch: mail is handled when it comes, in all maildrops, whatever becomes of some of them."""

from __future__ import annotations

import os
import pty
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailproc.app import make_works
from mailproc.reception.arriving import arrived_at_door
from mailproc.reception.spool import Spooled
from tests.cli_run.calling import TOP, call
from tests.installation import RECIPIENT, SENDER, DovecotBox, MaildirBox, make_mail
from tests.nursery.process import Process
from tests.processes import children_of, wait_for
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Proxy
from tests.watch.conftest import Make, Watch
from tests.watch.watching import Systemd, more_maildrops


def boxes_on(dovecot: Dovecot, number: int) -> list[DovecotBox]:
    """So many empty folders."""
    return [DovecotBox(dovecot, f"robot-{secrets.token_hex(6)}") for _ in range(number)]


def test_new_mail_is_handled_within_a_second(
    make: Make, watch: Watch, dovecot: Dovecot, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    """From a server with IDLE and from a Maildir, what waits at the start and what comes later; on a busy machine 5 seconds."""
    site = make(*boxes_on(dovecot, 1), MaildirBox(tmp_path / "Maildir"))
    site.append(make_mail("0"))
    watched = watch(site, "--poll", "1 h")
    watched.wait_for("0")
    took = {}
    for name in ("1", "2"):
        site.append(make_mail(name), box=int(name) % 2)
        took[name] = round(watched.wait_for(name), 3)
    print(f"seconds from arrival to effect: IMAP {took['2']}; Maildir {took['1']}")
    record_property("seconds", took)
    assert max(took.values()) < 5
    wait_for(lambda: site.left_in_maildrop() == site.left_in_maildrop(box=1) == [])
    assert watched.stop() == (0, "")
    assert len(site.calls()) == 3


def test_many_maildrops_in_one_process(make: Make, watch: Watch, dovecot: Dovecot, tmp_path: Path) -> None:
    """Thirty folders and some Maildirs; each tells of its own mail, and the process has one thread."""
    boxes = boxes_on(dovecot, 30)
    site = make(boxes[0])
    more_maildrops(site, {f"imap-{number}": box.url for number, box in enumerate(boxes[1:])})
    maildirs = [MaildirBox(tmp_path / f"Maildir-{number}") for number in range(5)]
    more_maildrops(site, {f"files-{number}": box.url for number, box in enumerate(maildirs)})
    watched = watch(site, "--poll", "1 h")
    assert "STATUS=35 maildrops; no mail yet" in watched.systemd.said
    for number, box in enumerate([*boxes[::5], *maildirs]):
        box.append([make_mail(str(number))])
    watched.wait_for(*map(str, range(11)))
    assert len(list(Path(f"/proc/{watched.process.pid}/task").iterdir())) == 1
    wait_for(lambda: len(children_of(watched.process.pid)) == 1)
    assert len(list(Path(f"/proc/{watched.ears}/task").iterdir())) == 37  # a thread for each, the spool's, the first


def test_a_maildrop_that_goes_away_and_comes_back(make: Make, watch: Watch, tmp_path: Path) -> None:
    """It is told once, however often it is tried; the others are watched, and so is it when it is back."""
    site = make(MaildirBox(tmp_path / "Maildir"), MaildirBox(tmp_path / "second"))
    watched = watch(site, "--poll", "1 h", "-v")
    shutil.rmtree(tmp_path / "Maildir")
    watched.systemd.hear("STATUS=2 maildrops (1 out of reach: main)")
    site.append(make_mail("1"), box=1)
    watched.wait_for("1")
    MaildirBox(tmp_path / "Maildir").append([make_mail("2")])
    watched.wait_for("2")
    status, said = watched.stop()
    told = [line.split(" ", 1)[1] for line in said.splitlines() if " ERROR " in line or " is back" in line]
    assert (status, len(told), told[1]) == (0, 2, "INFO mailproc: maildrop main is back")
    assert re.match(r"ERROR mailproc: maildrop main: .*; it is tried again, and the others are watched$", told[0])


def test_a_refused_login_is_loud_once_and_no_end(make: Make, watch: Watch, dovecot: Dovecot, tmp_path: Path) -> None:
    """The watch goes on, without a second try that would lock the account: neither for news elsewhere nor in a round."""
    site = make(*boxes_on(dovecot, 1), MaildirBox(tmp_path / "Maildir"))
    (site.folder / "password").write_text("wrong\n")
    with Proxy(dovecot.port) as proxy:
        site.edit(f":{dovecot.port}/", f":{proxy.port}/")
        (site.state.folder / "pending").touch()
        watched = watch(site, "--poll", "1 h")
        wait_for(lambda: site.state.last_success("second"))  # a round
        site.append(make_mail("1"), box=1)
        watched.wait_for("1")
        status, said = watched.stop()
        assert (status, said.count("\n"), proxy.connections) == (0, 1, 1)
    assert re.match(r"mailproc: maildrop main: .* was refused: .*; it is tried again, and the others are watched\n", said)


def test_a_backlog_leaves_the_others_their_turn(make: Make, watch: Watch, tmp_path: Path) -> None:
    """Mail for another maildrop is handled while one has work for longer, which then goes on."""
    site = make(MaildirBox(tmp_path / "Maildir"), MaildirBox(tmp_path / "second"), limits={"chunk_messages": 2})
    site.append(*(make_mail(f"{number} sleep 0.5") for number in range(10, 22)))
    watched = watch(site, "--poll", "1 h")
    wait_for(lambda: site.calls())
    site.append(make_mail("1"), box=1)
    watched.wait_for("1")
    assert len(site.effects()) < 12
    assert watched.stop() == (0, "")


def test_what_a_door_took_in_is_worked_at_once(make: Make, watch: Watch) -> None:
    """As soon as it says so; no maildrop is opened for it."""
    site = make()
    watched = watch(site, "--poll", "1 h")
    wait_for(lambda: site.state.last_success("main"))
    emptied = site.state.last_success("main")
    works = make_works(site.settings, "door")
    door = Spooled(works.engine, works.archive, note=site.state.pending.set, told=site.state.note_spooled)
    arrival = datetime.now(UTC)
    door.accept([arrived_at_door(make_mail("1"), SENDER, [RECIPIENT], entrance="smtp", arrival=arrival, client_waits=False)])
    works.engine.dispose()
    assert watched.wait_for("1") < 5
    assert site.state.last_success("main") == emptied


def test_a_round_does_what_a_run_of_cron_does(make: Make, watch: Watch) -> None:
    """It looks for what is pending, and finds that nothing is left to do."""
    site = make()
    (site.state.folder / "pending").touch()
    watch(site, "--poll", "1 s")
    wait_for(lambda: not site.state.pending)
    before = site.state.last_success("main")
    wait_for(lambda: site.state.last_success("main") != before)


def test_the_stop_file_is_heeded_and_told_once(make: Make, watch: Watch) -> None:
    """Nothing is started while it is there; what came meanwhile is handled when it has gone."""
    site = make()
    watched = watch(site, "--poll", "1 h", "-v")
    wait_for(lambda: site.state.last_success("main"))
    (site.state.folder / "stop").touch()
    watched.process.send_signal(signal.SIGHUP)  # what else could wake it
    watched.systemd.hear("STATUS=stopped by the stop file; 1 maildrop")
    site.append(make_mail("1"))
    time.sleep(0.6)
    assert site.calls() == []
    (site.state.folder / "stop").unlink()
    watched.wait_for("1")
    status, said = watched.stop()
    assert (status, said.count("there is the stop file"), said.count("has gone")) == (0, 1, 1)


def test_a_run_of_cron_beside_it_is_no_error(make: Make, watch: Watch) -> None:
    """A maildrop that it has locked is tried again shortly."""
    site = make()
    site.append(make_mail("1"))
    run = site.start(failpoint="receive:hang")
    wait_for(lambda: site.archived())
    watched = watch(site, "--poll", "1 h")
    site.append(make_mail("2"))
    time.sleep(0.6)  # it is tried meanwhile
    assert site.calls() == []
    run.kill()
    watched.wait_for("1", "2")
    assert watched.stop() == (0, "")
    assert site.calls() == ["1 1", "2 1"]


@pytest.mark.parametrize(
    ("old", "new", "arguments", "line"),
    [
        ("", "", ("mian",), "there is no maildrop mian; name one of these: main"),
        ("[[maildrop]]", "[[maildrpo]]", (), r"maildrpo: .*did you mean maildrop\?"),
        ('use = "tests.crash.deeds:Deeds"', 'use = "no.such:Thing"', (), "no.such"),
    ],
)
def test_a_watch_that_cannot_begin_exits_78(
    old: str, new: str, arguments: tuple[str, ...], line: str, make: Make, systemd: object
) -> None:
    """With the line that `mailproc handle` would say; nothing is left running, and no mail is touched."""
    site = make()
    site.append(make_mail("1"))
    site.edit(old, new)
    ended = site.mailproc("watch", *arguments)
    assert (ended.returncode, re.search(line, ended.stderr) is not None) == (78, True), ended.stderr
    assert site.left_in_maildrop() == ["1"]


def test_a_configuration_without_maildrops_has_nothing_to_watch(tmp_path: Path, make: Make) -> None:
    """Unless doors take mail in, or have done so: then a run and a watch have work all the same."""
    site = make()
    site.edit(f'[[maildrop]]\nname = "main"\nurl = "maildir:{tmp_path}/Maildir"\n', "")
    for command in ("handle", "watch"):
        ended = site.mailproc(command)
        assert (ended.returncode, "there is no [[maildrop]] to empty" in ended.stderr) == (78, True)
    (site.state.folder / "pending").touch()
    assert (call(tmp_path, "handle").status, bool(site.state.pending)) == (0, False)


def test_a_terminal_shows_one_line(make: Make, systemd: Systemd) -> None:
    """It is written anew when something happens, and cleared at the end; what was handled comes first."""
    site = make()
    site.append(make_mail("1"), make_mail("2 defer"))
    ours, theirs = pty.openpty()
    watching = Process(["watch"], site.folder, {**os.environ, "PYTHONPATH": str(TOP), "TERM": "xterm"}, terminal=theirs)
    os.close(theirs)
    try:
        systemd.hear("STATUS=1 maildrop; 1 handled, 1 deferred")
        watching.terminate()
        assert watching.wait(10) == 0
        shown = os.read(ours, 65536).decode()
    finally:
        watching.kill()
        os.close(ours)
    clear = "\r\x1b[K"
    assert shown.startswith(f"{clear}1 maildrop; no mail yet{clear}")
    assert shown.endswith(f"{clear}1 maildrop; 1 handled, 1 deferred{clear}")


def test_the_main_process_needs_no_client_of_a_server() -> None:
    """What talks to servers, and may hang or die of it, is imported by its children alone."""
    code = "import sys, mailproc.watching.watch, mailproc.shift; print({'imapclient', 'poplib', 'aiosmtpd'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "set()\n"


def test_help_names_what_an_operator_needs(tmp_path: Path) -> None:
    """Signals, the stop file, the exit statuses."""
    said = call(tmp_path, "watch", "--help").out
    assert all(word in said for word in ("--poll", "SIGTERM", "SIGHUP", "stop", "systemd", "78"))
