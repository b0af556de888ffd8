"""An installation for each test, with a Maildir or on the session's Dovecot, and mailproc as it is called in it."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli_run.calling import Ended, call
from tests.installation import Box, DovecotBox, Installation, MaildirBox
from tests.servers.dovecot import Dovecot

Make = Callable[..., Installation]
Called = Callable[..., Ended]


@pytest.fixture
def make(tmp_path: Path, sqlite_url: str) -> Iterator[Make]:
    """Make an installation with these maildrops, one Maildir unless said otherwise."""
    made = []

    def installation(*boxes: Box, **options: Any) -> Installation:
        made.append(Installation(tmp_path, sqlite_url, *(boxes or (MaildirBox(tmp_path / "Maildir"),)), **options))
        return made[-1]

    yield installation
    for one in made:
        one.close()


@pytest.fixture
def site(make: Make) -> Installation:
    """An installation with a Maildir."""
    return make()


@pytest.fixture
def imap_site(make: Make, dovecot: Dovecot, user: str) -> Installation:
    """An installation with a folder on Dovecot."""
    return make(DovecotBox(dovecot, user))


def give_away(site: Installation) -> str:
    """Make the state folder somebody else's; answers whose. Only root can give one away: others name one of root's."""
    if os.geteuid() == 0:
        shutil.chown(site.folder / "state", "nobody")
        return "nobody"
    site.config.write_text('state = "/usr"\n' + site.config.read_text())
    return pwd.getpwuid(Path("/usr").stat().st_uid).pw_name


@pytest.fixture
def mailproc(tmp_path: Path) -> Called:
    """Call mailproc in the folder of the installation, whose configuration it finds by itself."""
    return lambda *arguments, **options: call(tmp_path, *arguments, **options)
