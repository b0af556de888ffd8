"""What an empty run costs: cron asks every minute, and mostly there is no mail, so what is heavy is not even imported.

Modules are counted and not milliseconds, which say more about the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mailproc
from tests.installation import DovecotBox, Installation, MaildirBox, make_mail
from tests.servers.dovecot import Dovecot

TOP = Path(__file__).parents[1]

HEAVY = (
    *("sqlalchemy", "alembic", "sqlite3", "psycopg", "gnupg", "quotequail", "lxml", "smtplib", "asyncio"),
    *("email.policy", "email.headerregistry", "email.contentmanager", "html", "concurrent.futures"),
)
OURS_WITH_MAIL = ("app", "database", "openpgp", "processing", "pipeline", "plugins", "reading", "delivery", "supervisor")

# Ends by printing what was imported; a run that is forked leaves by another way.
CODE = """
import atexit, sys
started = set(sys.modules)
atexit.register(lambda: print(*sorted(set(sys.modules) - started)))
from mailproc.cli import main
main()
"""


def imported(site: Installation, *arguments: str, python: tuple[str, ...] = ()) -> set[str]:
    """The modules that ``mailproc`` has imported when it ends without an error, in the process that looks for mail."""
    ended = subprocess.run(
        [sys.executable, *python, "-c", CODE, "--config", str(site.config), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TOP)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(ended.stdout.split())


@pytest.fixture
def maildir_site(tmp_path: Path, sqlite_url: str) -> Installation:
    """An installation with an empty Maildir."""
    return Installation(tmp_path, sqlite_url, MaildirBox(tmp_path / "Maildir"))


@pytest.fixture
def imap_site(tmp_path: Path, sqlite_url: str, dovecot: Dovecot, user: str) -> Installation:
    """An installation with an empty INBOX."""
    return Installation(tmp_path, sqlite_url, DovecotBox(dovecot, user))


def found(modules: set[str], names: tuple[str, ...]) -> set[str]:
    """Those of ``names`` that are among the modules, as themselves or as the package of one."""
    return {name for name in names if any(module == name or module.startswith(f"{name}.") for module in modules)}


@pytest.mark.parametrize("kind", ["maildir_site", "imap_site"])
def test_an_empty_run_imports_nothing_heavy(kind: str, request: pytest.FixtureRequest) -> None:
    """Neither a database, nor GnuPG, nor a parser, nor a plugin, nor what of ours is needed only with mail."""
    modules = imported(request.getfixturevalue(kind), "handle")
    assert found(modules, HEAVY) == set()
    assert found(modules, tuple(f"mailproc.{name}" for name in OURS_WITH_MAIL)) == set()
    assert found(modules, ("tests",)) == set()
    assert "mailproc.run" in modules


def test_an_empty_maildir_needs_no_network(maildir_site: Installation) -> None:
    """An IMAP client, TLS and what they bring are for those who have an IMAP maildrop."""
    modules = imported(maildir_site, "handle")
    assert found(modules, ("imapclient", "imaplib", "ssl", "email", "importlib.metadata", "subprocess", "hashlib")) == set()
    assert len(modules) < 160, sorted(modules)


def test_an_empty_run_opens_no_database(maildir_site: Installation) -> None:
    """It leaves a marker of its success, and nothing else; a database that is missing does not matter yet."""
    maildir_site.engine.dispose()
    for file in maildir_site.folder.glob("mailproc.db*"):
        file.unlink()
    imported(maildir_site, "handle")
    assert list(maildir_site.folder.glob("mailproc.db*")) == []
    assert maildir_site.state.last_success("main") is not None


def test_a_run_with_mail_imports_what_is_heavy_in_the_worker(maildir_site: Installation) -> None:
    """The process that watches stays small; the message is handled all the same."""
    maildir_site.append(make_mail("1"))
    modules = imported(maildir_site, "handle")
    assert found(modules, HEAVY) == set()
    assert "mailproc.supervisor" in modules
    assert maildir_site.effects() == ["1"]


PUBLIC = {
    "Address": "mailproc.address",
    "Away": "mailproc.errors",
    "Delivery": "mailproc.delivery",
    "Errand": "mailproc.errand",
    "Forward": "mailproc.outcome",
    "Intent": "mailproc.outcome",
    "Mail": "mailproc.outcome",
    "MissingProgram": "mailproc.errors",
    "Outcome": "mailproc.outcome",
    "Rejected": "mailproc.errors",
    "Reply": "mailproc.reply",
    "SettingsError": "mailproc.errors",
    "Transient": "mailproc.errors",
    "Trust": "mailproc.principal",
    "handler": "mailproc.handler",
}


def test_the_public_names_are_these() -> None:
    """What a handler's author imports, and where it is from."""
    assert set(mailproc.__all__) == set(PUBLIC)
    assert {name: getattr(mailproc, name).__module__ for name in PUBLIC} == PUBLIC


@pytest.mark.parametrize("first", ["mailproc", "mailproc.handler", "mailproc.delivery", "mailproc.app"])
def test_the_public_names_do_not_depend_on_what_was_imported_first(first: str) -> None:
    """`handler` and `delivery` are modules too, and must not take the place of the names."""
    names = ", ".join(PUBLIC)
    code = f"import {first}\nfrom mailproc import {names}\nfrom mailproc import *\nprint(*(x.__module__ for x in ({names})))"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.split() == list(PUBLIC.values())


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'mailproc' has no attribute 'Handler'"):
        mailproc.Handler  # type: ignore[attr-defined]  # noqa: B018
