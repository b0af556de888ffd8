"""Servers for the tests of maildrops; each test has users and folders of its own on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.maildrops.kinds import KINDS, Kind, imap_kind, maildir_kind, mbox_kind, memory_kind, pop3_kind
from tests.servers.certificates import Authority
from tests.servers.dovecot import WITHOUT_UIDPLUS, WITHOUT_UIDPLUS_AND_MOVE, Dovecot


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[Dovecot]:
    """A Dovecot with all capabilities, TLS and STARTTLS for the name localhost."""
    with Dovecot(certificate=authority.issue("localhost")) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_with_move() -> Iterator[Dovecot]:
    """A Dovecot that can MOVE, but has no UIDPLUS."""
    with Dovecot(capability=WITHOUT_UIDPLUS) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_without() -> Iterator[Dovecot]:
    """A Dovecot with neither UIDPLUS nor MOVE."""
    with Dovecot(capability=WITHOUT_UIDPLUS_AND_MOVE) as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Each kind of maildrop in turn."""
    match request.param:
        case "imap":
            return imap_kind(request.getfixturevalue("dovecot"), "gone")
        case "imap-move":
            return imap_kind(request.getfixturevalue("dovecot_with_move"), "Processed")
        case "imap-neither":
            return imap_kind(request.getfixturevalue("dovecot_without"), "stays")
        case "pop3":
            return pop3_kind(request.getfixturevalue("dovecot"))
        case "mbox":
            return mbox_kind(tmp_path / "mbox")
        case "maildir":
            return maildir_kind(tmp_path / "Maildir")
        case _:
            return memory_kind()
