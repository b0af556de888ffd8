"""Passwords: where they come from, and that they show themselves nowhere."""

from __future__ import annotations

import copy
import os
import sys
import time
from pathlib import Path

import pytest

from mailproc.errors import Away, SettingsError
from mailproc.logins import password_of
from mailproc.settings import Maildrop, load
from mailproc.settings import passwords as module


def maildrop(folder: Path, lines: str, **environ: str) -> Maildrop:
    """The one maildrop of a configuration with these lines."""
    file = folder / "mailproc.toml"
    file.write_text(f'[[maildrop]]\nname = "my-drop"\nurl = "imaps://robot@imap.example.org"\n{lines}\n')
    return load(file, environ).maildrops[0]


def test_a_password_file_gives_its_first_line(tmp_path: Path) -> None:
    """Line ends are no part of a password, spaces are."""
    (tmp_path / "pw").write_bytes(b" hush hush \r\nsecond line\n")
    (tmp_path / "pw").chmod(0o600)
    assert password_of(maildrop(tmp_path, 'password_file = "pw"'), "maildrop[0]") == " hush hush "


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o644, 0o602])
def test_a_password_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The error has the chmod to type."""
    file = tmp_path / "pw"
    file.write_text("hush")
    file.chmod(mode)
    with pytest.raises(SettingsError, match=rf"maildrop\[0\]\.password_file: .* type: chmod o-rwx {file}$"):
        password_of(maildrop(tmp_path, 'password_file = "pw"'), "maildrop[0]")


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "first line is empty"), (b"\nx", "first line is empty"), (b"\xff", "not UTF-8")]
)
def test_a_useless_password_file_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """Empty and undecodable files are told apart from a refused login."""
    (tmp_path / "pw").write_bytes(content)
    (tmp_path / "pw").chmod(0o600)
    with pytest.raises(SettingsError, match=says):
        password_of(maildrop(tmp_path, 'password_file = "pw"'), "maildrop[0]")


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    """The error names key and file."""
    with pytest.raises(
        SettingsError,
        match=rf"^maildrop\[0\]\.password_file: {tmp_path}/pw: No such file or directory; name a file that can be read$",
    ):
        password_of(maildrop(tmp_path, 'password_file = "pw"'), "maildrop[0]")


def test_no_password_at_all_is_said_when_one_is_needed(tmp_path: Path) -> None:
    """The configuration loads without one, so that commands that log in nowhere work."""
    with pytest.raises(SettingsError, match=r"maildrop\[0\]\.password_file: is missing; give it, or password_command"):
        password_of(maildrop(tmp_path, ""), "maildrop[0]")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """MAILPROC_MAILDROP_<NAME>_PASSWORD is taken, the name in upper case with _ for -."""
    drop = maildrop(tmp_path, 'password_file = "missing"', MAILPROC_MAILDROP_MY_DROP_PASSWORD="from outside")
    assert password_of(drop, "maildrop[0]") == "from outside"


def test_systemd_credentials_go_before_the_folder_of_the_file(tmp_path: Path) -> None:
    """A plain file name is looked for in $CREDENTIALS_DIRECTORY first, and beside the configuration after that."""
    (tmp_path / "creds").mkdir()
    (tmp_path / "pw").write_text("beside")
    (tmp_path / "pw").chmod(0o600)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "creds")}
    assert password_of(maildrop(tmp_path, 'password_file = "pw"', **environ), "m") == "beside"
    (tmp_path / "creds/pw").write_text("credential")
    (tmp_path / "creds/pw").chmod(0o440)
    assert password_of(maildrop(tmp_path, 'password_file = "pw"', **environ), "m") == "credential"


def test_a_command_gives_its_first_line_and_sees_no_shell(tmp_path: Path) -> None:
    """The arguments are passed as they stand."""
    drop = maildrop(tmp_path, "password_command = ['printf', '%s\\n', '$HOME;id']")
    assert password_of(drop, "maildrop[0]") == "$HOME;id"


def test_a_failing_command_is_away(tmp_path: Path) -> None:
    """A password manager that says no is asked again by the next run."""
    with pytest.raises(Away, match=r"^maildrop\[0\]\.password_command: false: ended with status 1; try it by hand$"):
        password_of(maildrop(tmp_path, "password_command = ['false']"), "maildrop[0]")


def test_a_missing_command_is_a_setting(tmp_path: Path) -> None:
    """A program that is not there is the operator's to mend."""
    with pytest.raises(SettingsError, match=r"password_command: /nonexistent: No such file"):
        password_of(maildrop(tmp_path, "password_command = ['/nonexistent']"), "maildrop[0]")


def test_a_command_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    """It is stopped after 64 KiB, of which a password needs one line."""
    with pytest.raises(Away, match=r"password_command: yes: it writes more than 64 KiB; try it by hand$"):
        password_of(maildrop(tmp_path, "password_command = ['yes']"), "maildrop[0]")


def test_a_command_that_goes_on_after_its_output_is_waited_for(tmp_path: Path) -> None:
    """Its status counts."""
    with pytest.raises(Away, match="ended with status 3"):
        password_of(maildrop(tmp_path, "password_command = ['sh', '-c', 'echo x; exec >&-; sleep 0.1; exit 3']"), "maildrop[0]")


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write there, and meanwhile the lock of the maildrop is held."""
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(SettingsError, match=r"password_file: .*/fifo: it is not a regular file; name one$"):
        password_of(maildrop(tmp_path, "password_file = 'fifo'"), "maildrop[0]")


def test_a_hanging_command_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that keeps our pipe open does not keep us waiting."""
    monkeypatch.setattr(module, "COMMAND_SECONDS", 0.5)
    script = f"import os,time; os.fork(); open('{tmp_path}/'+str(os.getpid()),'w'); time.sleep(60)"
    start = time.monotonic()
    with pytest.raises(Away, match=r"no answer after 0\.5 s"):
        password_of(maildrop(tmp_path, f'password_command = ["{sys.executable}", "-c", "{script}"]'), "maildrop[0]")
    assert time.monotonic() - start < 20
    pids = [int(entry.name) for entry in tmp_path.iterdir() if entry.name.isdigit()]
    assert pids
    deadline = time.monotonic() + 10
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" and os.kill(pid, 0) is None
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_secrets_show_themselves_nowhere(tmp_path: Path) -> None:
    """Neither repr nor str of the settings, nor a copy's, holds a password."""
    file = tmp_path / "mailproc.toml"
    file.write_text('[[maildrop]]\nurl = "imaps://robot@imap.example.org"\n')
    settings = load(file, {"MAILPROC_MAILDROP_MAIN_PASSWORD": "hush-imap", "MAILPROC_DATABASE": "postgresql://a:hush-db@h/x"})
    shown = f"{settings!r} {settings} {settings.maildrops} {settings.database} {settings.database.url}"
    assert "hush" not in shown
    assert "***" in shown
    with pytest.raises(TypeError):
        copy.deepcopy(settings.database.url)
