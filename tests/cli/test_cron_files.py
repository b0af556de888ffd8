"""The crontab and the systemd units: what they start is there, and systemd has nothing against them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import click
import pytest

from mailproc.cli import cli

TOP = Path(__file__).parents[2]
CRON = TOP / "cron"
SERVICES = sorted(path.name for path in CRON.glob("*.service"))
UNITS = [*SERVICES, *sorted(path.name for path in CRON.glob("*.timer"))]

# Of systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.resource-control(5) and systemd.timer(5) what we use: a
# word that is spelled otherwise systemd passes over, with no more than a line in its journal.
KNOWN = {
    "Unit": "Description Documentation After Wants Conflicts",
    "Service": "Type NotifyAccess WatchdogSec ExecStart ExecReload Restart RestartSec RestartPreventExitStatus "
    "SuccessExitStatus KillMode TimeoutStopSec User Group StateDirectory StateDirectoryMode RuntimeDirectory "
    "RuntimeDirectoryMode ReadWritePaths SupplementaryGroups UMask LoadCredential MemoryMax TasksMax Nice "
    "CapabilityBoundingSet AmbientCapabilities NoNewPrivileges ProtectSystem ProtectHome PrivateTmp PrivateDevices ProtectProc "
    "ProtectClock ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables "
    "ProtectControlGroups LockPersonality RemoveIPC RestrictAddressFamilies RestrictNamespaces RestrictRealtime "
    "RestrictSUIDSGID SystemCallArchitectures SystemCallFilter SystemCallErrorNumber",
    "Timer": "OnBootSec OnUnitInactiveSec AccuracySec OnCalendar Persistent",
    "Install": "WantedBy",
}
OFTEN = {"LoadCredential"}  # may stand there several times
SERVING = {"mailproc-serve.service", "mailproc-watch.service"}


def unit(name: str) -> dict[str, dict[str, str]]:
    """The sections of a unit file, each with its keys; every line is one of them, a comment or empty."""
    sections: dict[str, dict[str, str]] = {}
    for line in (CRON / name).read_text().splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            assert header[1] not in sections, line
            keys = sections[header[1]] = {}
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and (key not in keys or key in OFTEN), line
            keys[key] = value
    return sections


def called(command: str) -> str:
    """The subcommand that a command line calls; the program itself parses it."""
    program, *arguments = shlex.split(command)
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    assert Path(program).name in scripts
    name, subcommand, rest = cli.resolve_command(click.Context(cli), arguments)
    assert name is not None and subcommand is not None and rest[0] == "--config"
    subcommand.make_context(name, rest)
    return name


def test_the_crontab_calls_what_there_is() -> None:
    """Each line of it, also the one in a comment, is a call of `mailproc handle`, or of the report once a day."""
    text = (CRON / "mailproc.cron").read_text()
    lines = re.findall(r"^(?:# )?((?:[*0-9]+ ){5})(?:mailproc )?(mailproc .*)$", text, re.MULTILINE)
    assert [called(line) for _, line in lines] == ["handle", "report", "handle"]
    assert [when for when, _ in lines] == ["* * * * * ", "30 6 * * * ", "* * * * * "]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_says_what_systemd_knows(name: str) -> None:
    """Every section and every key is spelled as in systemd's manual."""
    sections = unit(name)
    assert {section: keys for section, keys in sections.items() if not set(keys) <= set(KNOWN.get(section, "").split())} == {}
    assert "Unit" in sections and bool(sections["Unit"]["Description"])


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("mailproc-serve.service", "serve"),
        ("mailproc-watch.service", "watch"),
        ("mailproc-report.service", "report"),
        ("mailproc.service", "handle"),
    ],
)
def test_a_service_starts_what_there_is(name: str, command: str) -> None:
    """By a command line that the program can parse, as a user whose name `sudo -u` takes, whose state is kept for him."""
    service = unit(name)["Service"]
    assert called(service["ExecStart"]) == command
    assert (service["User"], service["Group"], service["StateDirectory"]) == ("mailproc",) * 3


def test_no_unit_is_forgotten() -> None:
    """What the timers start and what is started once and for all are all the services there are."""
    assert {"mailproc.service", "mailproc-report.service", *SERVING} == set(SERVICES)
    assert [name for name in UNITS if "Install" in unit(name)] == [*sorted(SERVING), "mailproc-report.timer", "mailproc.timer"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_ended_gently(name: str) -> None:
    """The main process alone is told to stop, and has longer for it than it says that it takes: 10 seconds."""
    service = unit(name)["Service"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 10


@pytest.mark.parametrize("name", sorted(SERVING))
def test_a_service_that_stays_is_started_again(name: str) -> None:
    """When it dies, and when it gives no sign of life, but not with a configuration that is no use, nor without aiosmtpd."""
    service = unit(name)["Service"]
    wanted = {"Type": "notify", "NotifyAccess": "main", "WatchdogSec": "60", "Restart": "on-failure"}
    assert {key: service[key] for key in wanted} == wanted
    assert service["RestartPreventExitStatus"] == {"mailproc-serve.service": "69 78"}.get(name, "78")


def test_what_each_service_needs() -> None:
    """75 is no failure of a run; who serves may listen on the ports below 1024, and nobody has another right of root's."""
    assert {unit(name)["Service"]["SuccessExitStatus"] for name in ("mailproc.service", "mailproc-report.service")} == {"75"}
    capabilities = {name: unit(name)["Service"]["CapabilityBoundingSet"] for name in SERVICES}
    assert capabilities == {"mailproc-serve.service": "CAP_NET_BIND_SERVICE"} | dict.fromkeys(
        ("mailproc-watch.service", "mailproc-report.service", "mailproc.service"), ""
    )
    assert all(unit(name)["Service"]["AmbientCapabilities"] == allowed for name, allowed in capabilities.items())


OFFERED = re.compile(r"^# (?=(ReadWritePaths|SupplementaryGroups)=)", re.MULTILINE)


def test_what_an_mbox_in_var_mail_needs_stands_ready() -> None:
    """No service may write outside of its own folders; what handles maildrops has the lines for more, as comments."""
    assert {unit(name)["Service"]["ProtectSystem"] for name in SERVICES} == {"strict"}
    offered = {name: OFFERED.findall((CRON / name).read_text()) for name in SERVICES}
    both = ["ReadWritePaths", "SupplementaryGroups"]
    assert {name: keys for name, keys in offered.items() if keys} == {"mailproc-watch.service": both, "mailproc.service": both}


def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    """It is asked itself, with a program in the place of ours that is there; without it the other tests have to do.

    The lines that stand ready as comments are put in.
    """
    for name in UNITS:
        text = OFFERED.sub("", (CRON / name).read_text())
        for program in ("/usr/local/bin/mailproc", "/bin/kill"):
            text = text.replace(program, sys.executable)
        (tmp_path / name).write_text(text)
    program = shutil.which("systemd-analyze")
    if program is None:
        warnings.warn("systemd-analyze is missing, so that systemd was not asked about the units of cron/", stacklevel=1)
        return
    units = [str(tmp_path / name) for name in UNITS]
    ended = subprocess.run([program, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
