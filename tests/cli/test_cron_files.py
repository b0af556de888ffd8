"""The crontab and the systemd units: what they start is there, and systemd has nothing against them."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click

from mailproc.cli import cli

TOP = Path(__file__).parents[2]
CRON = TOP / "cron"


def unit(name: str) -> configparser.ConfigParser:
    """A unit file; of a key that stands there twice the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CRON / name)
    return parser


def assert_can_be_called(command: str) -> None:
    """The command line parses, by the program itself."""
    program, *arguments = shlex.split(command)
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    assert Path(program).name in scripts
    name, handle, rest = cli.resolve_command(click.Context(cli), arguments)
    assert (name, rest[0]) == ("handle", "--config")
    assert handle is not None
    handle.make_context("handle", rest)


def test_the_crontab_calls_what_there_is() -> None:
    """Each line of it, also the one in a comment, is a call of `mailproc handle`."""
    lines = re.findall(r"^(?:# )?(?:\* ){5}(?:mailproc )?(mailproc .*)$", (CRON / "mailproc.cron").read_text(), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert_can_be_called(line)


def test_the_service_calls_what_there_is() -> None:
    """75 is no failure of the unit, and the user has a name that `sudo -u` takes."""
    service = unit("mailproc.service")["Service"]
    assert_can_be_called(service["ExecStart"])
    assert service["SuccessExitStatus"] == "75"
    assert service["User"] == "mailproc"


def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    """Where systemd is, it is asked itself, with a program in the place of ours that is there."""
    for name in ("mailproc.service", "mailproc.timer"):
        text = (CRON / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin/mailproc", sys.executable))
        assert unit(name).sections()
    program = shutil.which("systemd-analyze")
    if program:
        units = [str(tmp_path / "mailproc.service"), str(tmp_path / "mailproc.timer")]
        ended = subprocess.run([program, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
