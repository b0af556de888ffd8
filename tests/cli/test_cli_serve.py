"""`serve`, and what `check` says of it: what keeps the doors shut is a line with the key and the fix."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from tests.cli.conftest import Call

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('user = "nosuchuser"', "serve.user: there is no user 'nosuchuser' on this machine; create it, or name another one"),
        (
            "smtp_parameters = { idnet = 1 }",
            "serve.smtp_parameters: got an unexpected keyword argument 'idnet'; write what its constructor takes",
        ),
        ('listen = ["2525", "lmtp://2525"]', "serve.listen: names lmtp://127.0.0.1:2525 twice; remove one"),
        (
            'smtp_class = "nomail:My"',
            "serve.smtp_class: nomail:My does not import: ModuleNotFoundError: No module named 'nomail'; install or mend it",
        ),
        ('smtp_class = "My"', "serve.smtp_class: My: write it like module:Class"),
        ('smtp_class = "pathlib:Path"', "serve.smtp_class: pathlib:Path is no subclass of aiosmtpd.smtp.SMTP; make it one"),
    ],
)
def test_check_tries_what_the_doors_need(site: Call, tmp_path: Path, section: str, says: str) -> None:
    """Also what serve would find only when it is started; no door is opened for it."""
    with (tmp_path / "mailproc.toml").open("a") as config:
        config.write(f"[serve]\n{section}\n")
    ended = site("check", "--format", "jsonl")
    assert [(row["what"], row["text"]) for row in ended.rows if row["status"]] == [("serve", says)]
    assert ended.status == 78


@pytest.mark.parametrize("size", ["0", "0 MiB", "many"])
def test_a_size_that_is_none_is_refused(site: Call, size: str) -> None:
    """It would mean the default."""
    ended = site("serve", "-n", "-s", size)
    assert ended.status == 64
    assert f"Invalid value for '-s' / '--size': '{size}' is" in ended.err


def test_what_is_told_of_a_listener_was_typed(site: Call) -> None:
    """Also where --smtpscert puts a scheme before the others."""
    ended = site("serve", "-n", "-l", "::1:25", "--smtpscert", "a.pem", "--smtpskey", "a.key")
    assert (ended.status, ended.line) == (
        78,
        "serve.listen: ::1:25: put brackets around an IPv6 address, such as [::1:25]:8025",
    )


def test_without_aiosmtpd_it_is_told_what_installs_it(site: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pyproject.toml has it; the help names the status, with which systemd does not start it again."""

    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("mailproc.smtpd.version", version)
    (wanted,) = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]["smtp"]
    ended = site("serve")
    assert (ended.status, ended.line) == (69, f"serve needs aiosmtpd 1.4.6 or newer; type: pip install '{wanted}'")
    assert "  69  aiosmtpd," in site("serve", "--help").out
