"""What a command's end means to the shell, what is heard of it, and what is imported for it: in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mailproc.cli import COMMANDS, cli
from mailproc.cli.running import run
from tests.cli.conftest import Call

TOP = Path(__file__).parents[2]
HEAVY = ("sqlalchemy", "alembic", "imapclient", "gnupg", "smtplib", "psycopg", "quotequail", "lxml")


def process(
    folder: Path, *arguments: str, code: str = "from mailproc.cli import main; main()"
) -> subprocess.CompletedProcess[str]:
    """A real run of the program."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "HOME": str(folder)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("errors.SettingsError('x')", 78),
        ("errors.LoginRefused('x')", 77),
        ("errors.MissingProgram('x')", 69),
        ("errors.Away('x')", 75),
        ("errors.Locked('x')", 75),
        ("errors.Transient('x')", 75),
        ("errors.MailprocError('x')", 64),
        ("KeyError('x')", 70),
        ("OSError(28, 'x')", 75),
        ("OSError(2, 'x')", 70),
        ("KeyboardInterrupt()", 130),
        ("click.UsageError('x')", 64),
        ("click.FileError('x')", 64),
        ("SystemExit(3)", 3),
        ("BrokenPipeError()", 141),
    ],
)
def test_an_error_has_its_status(raised: str, status: int, tmp_path: Path) -> None:
    """Each kind of end is told apart by the sysexits, and none writes a traceback."""
    code = f"""
import sys, click
from mailproc import errors
from mailproc.cli.running import run
@click.command()
def fail(): raise {raised}
sys.exit(run(fail, []))
"""
    ended = process(tmp_path, code=code)
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_returned_number_is_the_status() -> None:
    """click alone would drop it."""

    @click.command()
    def defer() -> int:
        return 75

    assert run(defer, []) == 75


def test_a_bug_is_one_line_and_its_traceback_is_in_the_log_file(
    site: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says where; a terminal code in the text does not get through."""
    (tmp_path / "mailproc.toml").write_text('[log]\nfile = "a.log"\n')
    monkeypatch.setattr("mailproc.database.users.list_users", lambda *_: {}["\x1b[2J\nnext"])
    ended = site("user", "list")
    assert ended.status == 70
    assert ended.err.startswith("mailproc: a bug of ours: KeyError: ")
    assert ended.err.count("\n") == 1
    assert "\x1b" not in ended.err
    logged = (tmp_path / "a.log").read_text()
    assert "    Traceback (most recent call last):\n" in logged
    assert "\x1b" not in logged


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """Neither the help of all commands nor that of one loads what a run needs."""
    for arguments in (["--help"], ["user", "--help"], ["key", "import", "--help"], ["oops", "--help"], ["--version"]):
        code = (
            "import atexit, sys; from mailproc.cli import main;"
            f"atexit.register(lambda: print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])); main()"
        )
        ended = process(tmp_path, *arguments, code=code)
        if arguments != ["--version"]:
            assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1].split() == ["LOADED"], arguments


def test_reading_the_configuration_imports_nothing_heavy(tmp_path: Path) -> None:
    """Cron asks every minute, and mostly there is no mail."""
    code = f"import sys, mailproc.settings, mailproc.state; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert process(tmp_path, code=code).stdout.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_what_the_table_says_of_it(name: str) -> None:
    """Every name in the table is a command of its module, with a help of its own, --config and -v."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    assert {"config", "verbose"} <= {param.name for param in command.params}


def test_config_may_stand_before_and_behind_the_command(site: Call, tmp_path: Path) -> None:
    """A crontab has it behind, a person has it before; behind wins."""
    (tmp_path / "mailproc.toml").rename(tmp_path / "my.toml")
    assert site("--config", "my.toml", "user", "list").status == 0
    assert site("user", "list", "--config", "my.toml").status == 0
    assert site("--config", "nothing.toml", "user", "list", "--config", "my.toml").status == 0
    assert site("user", "list").err.startswith("mailproc: no configuration: ")


def test_a_misspelt_command_gets_a_hint(call: Call) -> None:
    """The status is that of a usage error."""
    ended = call("usr", "list")
    assert ended.status == 64
    assert "No such command 'usr'. Did you mean 'user'?" in ended.err


def test_a_reader_that_goes_away_is_no_error(site: Call, tmp_path: Path) -> None:
    """`mailproc user list | head -1` writes nothing on stderr."""
    for number in range(3):
        site("user", "add", f"u{number}", "--email", *[f"{number}-{n}-{'x' * 40}@example.org" for n in range(900)])
    command = f"{sys.executable} -m mailproc user list --format jsonl | head -c 10"
    ended = subprocess.run(
        ["/bin/bash", "-c", f'{command}; echo " ${{PIPESTATUS[0]}}"'],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    assert ended.stdout.split()[-1] == "141"


def test_completion_scripts_are_printed_and_work(call: Call, tmp_path: Path) -> None:
    """A shell asks the program itself, which answers with its commands."""
    for shell in ("bash", "zsh", "fish"):
        ended = call("completion", shell)
        assert ended.status == 0
        assert "_MAILPROC_COMPLETE" in ended.out
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "_MAILPROC_COMPLETE": "bash_complete"}
    asked = subprocess.run(
        [sys.executable, "-c", "from mailproc.cli import main; main()"],
        env={**environ, "COMP_WORDS": "mailproc user a", "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.stdout.split() == ["plain,add", "plain,activate"] or set(asked.stdout.split()) == {
        "plain,add",
        "plain,activate",
    }


@pytest.mark.parametrize("words", [[], ["list"], ["messages"]])
def test_a_group_alone_says_what_there_is(call: Call, words: list[str]) -> None:
    """Its help, as it is laid out, on stderr; nothing was done, which the status says."""
    ended = call(*words)
    assert (ended.status, ended.out) == (64, "")
    assert ended.err.startswith("Usage: mailproc") and "\n\nOptions:\n" in ended.err and "Error" not in ended.err
