"""What a run says that cannot begin: one line with the fix and a status of its own, and no mail is touched."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli_run.conftest import Called, give_away
from tests.installation import DovecotBox, Installation, MaildirBox, make_mail

pytestmark = pytest.mark.timeout(60)


BAD_FILES: dict[str, tuple[Callable[[Installation], object], str]] = {
    "not-toml": (lambda site: site.config.write_text("[[maildrop"), r"mailproc\.toml: is not TOML: Expected"),
    "unknown-key": (lambda site: site.edit('name = "main"', 'nmae = "main"'), r"maildrop\[0\]\.nmae: .*did you mean name\?"),
    "no-maildrop": (lambda site: site.config.write_text(""), r"there is no \[\[maildrop\]\] to empty"),
    "missing": (lambda site: site.config.unlink(), r"no configuration: .*type: mailproc init"),
    "folder": (lambda site: (site.config.unlink(), site.config.mkdir()), r"mailproc\.toml: Is a directory"),
    "no-state": (lambda site: shutil.rmtree(site.folder / "state"), r"state: .*; type: mailproc init"),
    "open-state": (lambda site: (site.folder / "state").chmod(0o755), r"for its user alone; type: chmod 700 "),
    "log-folder": (lambda site: site.edit('file = "log"', 'file = "no/log"'), r"log\.file: .*No such file or directory"),
}


@pytest.mark.parametrize("bad", BAD_FILES)
def test_a_bad_installation_is_one_line_and_78(bad: str, site: Installation, mailproc: Called) -> None:
    """The line names the file or key and what to type; the mail stays."""
    spoil, line = BAD_FILES[bad]
    site.append(make_mail("1"))
    spoil(site)
    ended = mailproc("handle")
    assert ended.status == 78
    assert re.search(line, ended.line)
    assert site.left_in_maildrop() == ["1"]


def test_a_configuration_that_is_named_must_be_there(tmp_path: Path, mailproc: Called) -> None:
    """Nothing else is taken in its place."""
    ended = mailproc("handle", "--config", "my.toml")
    assert (ended.status, ended.line) == (78, "my.toml: there is no such file; type: mailproc --config my.toml init")


def test_there_must_be_such_a_maildrop(site: Installation, mailproc: Called) -> None:
    """A misspelt name is told, with those that there are."""
    ended = mailproc("handle", "--maildrop", "mian")
    assert (ended.status, ended.line) == (78, "there is no maildrop mian; name one of these: main")


SPOILT: dict[str, tuple[Callable[[Installation], object], int, str]] = {
    "plugin": (
        lambda site: site.edit("tests.crash.deeds:Deeds", "no_such_plugin:handle"),
        78,
        r"handler deeds: no_such_plugin:handle does not import: ModuleNotFoundError",
    ),
    "handler": (
        lambda site: site.edit('use = "tests.crash.deeds:Deeds"', 'use = "no-such-name"'),
        78,
        r"handler\.deeds\.use: no installed package offers no-such-name; installed are: ",
    ),
    "domain": (
        lambda site: site.edit('handler = "deeds"', 'handler = "shuot"'),
        78,
        r'domains\."notes\.example\.org"\.handler: no installed package offers shuot; installed are: ',
    ),
    "option": (lambda site: site.edit("folder =", "fodler ="), 78, r"handler\.deeds\.fodler: .*did you mean folder\?"),
    "schema": (
        lambda site: _sql(site, "DELETE FROM mailproc_alembic"),
        78,
        r"mailproc db upgrade",
    ),
    "newer-schema": (
        lambda site: _sql(site, "UPDATE mailproc_alembic SET version_num = '9999'"),
        78,
        r"at 9999, which this program does not know",
    ),
    "no-schema": (lambda site: _database(site).touch(0o600), 78, r"mailproc db upgrade"),
    "no-archive": (lambda site: shutil.rmtree(site.folder / "archive"), 75, r"archive"),
    "no-database": (
        lambda site: _database(site).mkdir(),
        75,
        r"mailproc\.db",
    ),
}


def _sql(site: Installation, text: str) -> None:
    with site.engine.begin() as conn:
        assert conn.execute(sa.text(text)).rowcount == 1


def _database(site: Installation) -> Path:
    """The name of the database, after it was removed."""
    site.engine.dispose()
    file = site.folder / "mailproc.db"
    for each in site.folder.glob("mailproc.db*"):
        each.unlink()
    return file


@pytest.mark.parametrize("spoilt", SPOILT)
def test_schema_plugins_and_archive_are_looked_at_when_mail_waits(spoilt: str, site: Installation, mailproc: Called) -> None:
    """Without mail a run is silent and well; with mail it says in one line what is wrong, and leaves the mail there."""
    spoil, status, line = SPOILT[spoilt]
    spoil(site)
    empty = mailproc("handle")
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    site.append(make_mail("1"))
    ended = mailproc("handle")
    assert ended.status == status, ended.err
    assert re.search(line, ended.line), ended.err
    assert site.left_in_maildrop() == ["1"]


def test_a_login_that_is_refused_is_77(imap_site: Installation, mailproc: Called) -> None:
    """The line names maildrop and server, and not the password."""
    imap_site.append(make_mail("1"))
    (imap_site.folder / "password").write_text("wrong-horse\n")
    ended = mailproc("handle")
    assert ended.status == 77
    assert ended.line.startswith("maildrop main: ")
    assert "wrong-horse" not in ended.err
    assert imap_site.left_in_maildrop() == ["1"]


def test_a_server_that_is_away_is_75(imap_site: Installation, mailproc: Called) -> None:
    """A closed port is an outage, not a mistake."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        imap_site.edit(f":{imap_site.boxes[0].dovecot.port}/", f":{taken.getsockname()[1]}/")  # type: ignore[attr-defined]
        ended = mailproc("handle")
    assert ended.status == 75
    assert re.search(r"maildrop main: .*refused", ended.line)


def test_a_password_that_others_can_read_is_refused(imap_site: Installation, mailproc: Called) -> None:
    """It is not sent to the server either."""
    (imap_site.folder / "password").chmod(0o644)
    ended = mailproc("handle")
    assert ended.status == 78
    assert f"type: chmod o-rwx {imap_site.folder / 'password'}" in ended.line


def test_a_missing_password_file_is_told(imap_site: Installation, mailproc: Called) -> None:
    """With its name."""
    (imap_site.folder / "password").unlink()
    ended = mailproc("handle")
    assert ended.status == 78
    assert f"{imap_site.folder / 'password'}: No such file or directory" in ended.line


@pytest.mark.parametrize(
    "arguments", [("handle", "--limit", "3"), ("handle", "--dry-run"), ("check",), ("messages", "reprocess", "--failed")]
)
def test_the_files_of_another_user_are_refused_with_the_command_to_type(
    arguments: tuple[str, ...], site: Installation, mailproc: Called
) -> None:
    """A try by root leaves nothing behind that cron's user cannot write, not even the log file."""
    site.append(make_mail("1"))
    (site.folder / "log").unlink(missing_ok=True)
    owner = give_away(site)
    before = sorted(site.folder.rglob("*"))
    ended = mailproc(*arguments)
    assert ended.status == 78
    assert ended.line.endswith(f" belongs to {owner}; type: sudo -u {owner} mailproc {' '.join(arguments)}")
    assert sorted(site.folder.rglob("*")) == before


def test_one_maildrop_that_fails_does_not_stop_the_other(
    make: Callable[..., Installation], mailproc: Called, tmp_path: Path, dovecot: object, user: str
) -> None:
    """The refused login is said, and decides the status; the mail of the other maildrop is handled."""
    site = make(DovecotBox(dovecot, user), MaildirBox(tmp_path / "Maildir"))  # type: ignore[arg-type]
    (site.folder / "password").write_text("wrong\n")
    site.append(make_mail("1"), box=1)
    ended = mailproc("handle")
    assert ended.status == 77
    assert ended.line.startswith("maildrop main: ")
    assert site.effects() == ["1"]
    (site.folder / "password").write_text("secret\n")
    shutil.rmtree(tmp_path / "Maildir")
    site.append(make_mail("2"))
    ended = mailproc("handle")
    assert ended.status == 75
    assert ended.line.startswith("maildrop second: ")
    assert site.effects() == ["1", "2"]
