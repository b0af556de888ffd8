"""`init` writes a configuration that works, and `db` brings the schema."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailproc.settings import ImapUrl, load
from tests.cli.conftest import Call, Ended


def test_init_makes_all_that_is_needed_and_says_nothing(call: Call, tmp_path: Path) -> None:
    """Configuration, database, archive and state are there, for their user alone, and commands work at once."""
    assert call("init") == Ended(0, "", "")
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("mailproc.toml", "mailproc.db", "archive", "state")}
    assert modes == {"mailproc.toml": 0o600, "mailproc.db": 0o600, "archive": 0o700, "state": 0o700}
    settings = load(tmp_path / "mailproc.toml", {})
    assert (settings.maildrops, settings.smtp, settings.domains) == ((), None, {})
    assert call("user", "list") == Ended(0, "", "")


def test_init_overwrites_nothing(site: Call, tmp_path: Path) -> None:
    """A configuration that is there stays as it is."""
    (tmp_path / "mailproc.toml").write_text("# mine\n")
    ended = site("init")
    assert (ended.status, ended.out) == (78, "")
    assert (
        ended.err == "mailproc: mailproc.toml: is there already, and is not overwritten; for another one type: --config FILE\n"
    )
    assert (tmp_path / "mailproc.toml").read_text() == "# mine\n"


def test_init_puts_in_what_is_given(call: Call, tmp_path: Path) -> None:
    """Every option arrives in the configuration, and the comments stay."""
    given = [
        *("--data", str(tmp_path / "data"), "--maildrop-url", "imaps://bot@imap.example.net/In\\box"),
        *("--smtp-url", "smtp://relay.example.net", "--from", 'Bot "x'[:3] + " <bot@example.net>"),
        *("--domain", "*.example.net", "--handler", "a:b"),
    ]
    assert call("init", "--config", "my.toml", *given) == Ended(0, "", "")
    settings = load(tmp_path / "my.toml", {})
    assert settings.maildrops[0].url == ImapUrl("imap.example.net", 993, "tls", "bot", "In\\box")
    assert settings.maildrops[0].password_file == tmp_path / "imap.password"
    assert settings.smtp is not None
    assert (str(settings.smtp.sender), settings.smtp.admin) == ("Bot <bot@example.net>", None)
    assert settings.smtp.password_file is None
    assert settings.domains["*.example.net"].handler == "a:b"
    assert settings.archive == tmp_path / "data/archive"
    assert (tmp_path / "data/mailproc.db").exists()
    assert (tmp_path / "data/state/locks").is_dir()
    assert "# A maildrop is emptied by" in (tmp_path / "my.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--maildrop-url", "nntp://a@h"], "nntp: is not known here"),
        (["--smtp-url", "smtp://h"], "--smtp-url and --from go together"),
        (["--domain", "example.org"], "--domain and --handler go together"),
        (["--from", "nobody"], "'nobody' is not an address"),
        (["--database", "mysql://x"], "must be sqlite:///FILE or postgresql://USER@HOST/NAME"),
    ],
)
def test_init_refuses_what_the_configuration_would_refuse(call: Call, tmp_path: Path, arguments: list[str], says: str) -> None:
    """Then nothing is written."""
    ended = call("init", *arguments)
    assert ended.status == 64
    assert says in " ".join(ended.err.split())
    assert list(tmp_path.iterdir()) == []


def test_init_leaves_no_configuration_behind_that_does_not_work(call: Call, tmp_path: Path) -> None:
    """A domain that is none is found when the file is read back."""
    ended = call("init", "--domain", "a@b", "--handler", "x")
    assert ended.status == 78
    assert 'domains."a@b": is not a domain' in ended.err
    assert not (tmp_path / "mailproc.toml").exists()


def test_db_upgrade_makes_what_is_missing(call: Call, tmp_path: Path) -> None:
    """It may be called at any time, and `db current` agrees with it."""
    (tmp_path / "mailproc.toml").write_text(
        'database = "sqlite:///data/x.db"\narchive = "data/archive"\nstate = "data/state"\n'
    )
    assert call("db", "upgrade") == Ended(0, "", "")
    assert call("db", "upgrade") == Ended(0, "", "")
    assert {"archive", "state", "x.db"} <= {path.name for path in (tmp_path / "data").iterdir()}
    ended = call("db", "current", "--format", "jsonl")
    assert ended.status == 0
    assert ended.rows[0]["name"] == "mailproc"
    assert [row["name"] for row in ended.rows if row["current"] != row["head"]] == []


def test_an_old_schema_is_told_with_the_command_to_type(call: Call, tmp_path: Path) -> None:
    """No command fails later with a missing table."""
    (tmp_path / "mailproc.toml").write_text("")
    (tmp_path / "mailproc.db").touch()
    assert call("db", "current").status == 78
    for command in (["user", "list"], ["user", "add", "ann", "--email", "a@example.org"], ["oops", "list"], ["key", "list"]):
        ended = call(*command)
        assert (ended.status, ended.out) == (78, "")
        assert "mailproc db upgrade" in ended.err
        assert ended.err.count("\n") == 1


def test_what_belongs_to_another_user_is_not_written(site: Call, tmp_path: Path) -> None:
    """Root is told the command to type, and leaves no file of its own among those of the service."""
    if os.geteuid() == 0:
        os.chown(tmp_path / "mailproc.db", 65534, -1)
        name = "nobody"
    else:
        (tmp_path / "mailproc.toml").write_text('state = "/var"\n')
        name = "root"
    for command in (["user", "add", "ann", "--email", "ann@example.org"], ["db", "upgrade"]):
        ended = site(*command)
        assert ended.status == 78
        assert f"belongs to {name}; type: sudo -u {name} mailproc" in ended.err
