"""The town of the story: an installation with four domains, two users of whom one has left, and real keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.address import Address
from mailproc.database.engine import writing
from mailproc.database.keys import import_key
from mailproc.database.users import add_user
from mailproc.testing import SigningKey
from tests.installation import DovecotBox, Installation
from tests.lasting import LastingKey, certificate_in
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

DOMAINS = {
    "maps.example.org": "maps",
    "songs.example.org": "songs",
    "guests.example.org": "open_house",
    "workshop.example.org": "workshop",
}


@pytest.fixture(scope="module")
def ann_key() -> Iterator[SigningKey]:
    """The key that is registered for Ann."""
    with LastingKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture(scope="module")
def ivy_key() -> Iterator[SigningKey]:
    """The key that is registered for Ivy, who has left."""
    with LastingKey.generate("Ivy <ivy@example.com>") as key:
        yield key


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database: SQLite, unless a chapter names another."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


@pytest.fixture
def town(
    tmp_path: Path,
    database_url: str,
    dovecot: Dovecot,
    user: str,
    relay: RelayServer,
    ann_key: SigningKey,
    ivy_key: SigningKey,
) -> Iterator[Installation]:
    """The town."""
    with Installation(tmp_path, database_url, DovecotBox(dovecot, user), relay=relay) as town:
        with town.config.open("a") as config:
            for domain, handler in DOMAINS.items():
                config.write(f'[domains."{domain}"]\nhandler = "tests.story.handlers:{handler}"\n')
        _register(town, ann_key, ivy_key)
        yield town


def _register(town: Installation, ann_key: SigningKey, ivy_key: SigningKey) -> None:
    """Ann is a user of every installation; Ivy was one."""
    with writing(town.engine) as conn:
        add_user(conn, "ivy", [Address.parse("ivy@example.com")], active=False)
        for name, key in (("ann", ann_key), ("ivy", ivy_key)):
            import_key(conn, name, certificate_in(key.certificate))
