"""A token server of one's own, and what asks it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailproc.oauth2 import Client
from mailproc.oauth2.cache import Cache
from mailproc.oauth2.tokens import Tokens
from tests.servers.oauth2 import REFRESH, SECRET, TokenServer


class Held:
    """An endpoint that has ended the old refresh token, and whose answer with the next one is on its way."""

    def __init__(self, issuer: TokenServer) -> None:
        self.asked, self.released = threading.Event(), threading.Event()
        self._issuer = issuer
        issuer.answer = self
        issuer.rotates = True

    def __call__(self, connection: Any) -> None:
        """Answer one request."""
        status, body = self._issuer._granted(self._issuer.asked[-1])
        self._issuer.answer = None
        self.asked.set()
        assert self.released.wait(20)
        connection.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


@pytest.fixture
def issuer(issuer: TokenServer) -> TokenServer:
    """The token server, which knows one client."""
    issuer.users["robot-id"] = "robot"
    return issuer


@pytest.fixture
def client(issuer: TokenServer) -> Client:
    """The client that it knows, with its secret."""
    return Client("oauth2.office", issuer.url, "robot-id", "client_credentials", "mail", client_secret=lambda: SECRET)


@pytest.fixture
def refreshing(client: Client) -> Client:
    """The same client, which refreshes."""
    return replace(client, grant="refresh_token", refresh_token=lambda: REFRESH)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where its tokens are kept; the folder is not there yet."""
    return tmp_path / "tokens" / "office"


@pytest.fixture
def process(cache: Path) -> Callable[[Client], Tokens]:
    """A client as each new process has it: nothing but the cache is common to two of them."""
    return lambda client: Tokens(client, Cache(cache))
