"""A Zulip to post to: a small one here, or the real one that two environment variables name.

``MAILPROC_TEST_ZULIP_URL`` is the URL of an organization, ``MAILPROC_TEST_ZULIP_RC`` the path of the zuliprc of a generic bot
there, which may make channels. The tests that need a server's faults are left out then.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.targets.realm import Realm, key_file, real_realm
from tests.gateway.targets.zulip_server import EMAIL, ZulipServer

REAL = os.environ.get("MAILPROC_TEST_ZULIP_URL")

collect_ignore = ["test_zulip_faults.py", "test_carry_out.py"] if REAL else []


@pytest.fixture(scope="session")
def zulip_server() -> Iterator[ZulipServer]:
    """The small Zulip."""
    with ZulipServer() as server:
        yield server


@pytest.fixture
def zulip(zulip_server: ZulipServer) -> Iterator[ZulipServer]:
    """The small Zulip as it is at first; every parameter that it was sent must mean something."""
    zulip_server.reset()
    yield zulip_server
    assert not zulip_server.ignored


@pytest.fixture
def realm(request: pytest.FixtureRequest, tmp_path: Path) -> Realm:
    """The Zulip that is tested against."""
    if REAL is not None:
        return real_realm(REAL, os.environ["MAILPROC_TEST_ZULIP_RC"], tmp_path)
    return Realm(request.getfixturevalue("zulip").url, EMAIL, key_file(tmp_path), "general")


@pytest.fixture
def topic() -> str:
    """A topic that nobody has written to."""
    return f"test {secrets.token_hex(8)}"
