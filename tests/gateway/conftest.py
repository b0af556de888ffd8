"""A chat that is reached by mail: a gateway in an installation of its own, and addresses of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mailproc.gateway.addresses import new_channel_address, new_reply_address
from mailproc.gateway.handler import Gateway
from mailproc.gateway.posting import Channel, Direct
from mailproc.testing import Delivered, PostOffice, make_mail
from tests.cli.conftest import call, site
from tests.cli.keys import Call
from tests.gateway.sections import configured, section

__all__ = ["call", "site"]

DOMAIN = "chat.example.org"
KEY = b"k" * 32


@dataclass
class Chat:
    """An installation whose domain chat.example.org is served by a gateway."""

    office: PostOffice
    gateway: Gateway

    def channel(self, name: str = "general", **how: Any) -> str:
        """The address of a channel."""
        with self.office.session() as session:
            return new_channel_address(session, self.gateway.form, self.gateway.realm, KEY, name, **how)

    def reply(self, to: Channel | Direct, user: str = "ann@example.com", **how: Any) -> str:
        """An address for answers in a conversation."""
        with self.office.session() as session:
            return new_reply_address(session, self.gateway.pattern, to, user, realm=self.gateway.realm, **how)

    def deliver(self, to: str, **mail: Any) -> Delivered:
        """Bring a mail to an address, as polling does."""
        return self.office.deliver(make_mail(to=to, **{"subject": "Lunch", "text": "At noon.\n", **mail}), to=to)

    def changed(self, **options: Any) -> None:
        """Give the gateway other options."""
        self.gateway = replace(self.gateway, **options)
        self.bind()

    def bind(self) -> None:
        """Serve the domain as an operator of a gateway would have it."""
        self.office.bind(DOMAIN, self.gateway, drop=["bounce", "loop"], trust=[])


@pytest.fixture
def hook(tmp_path: Path) -> Gateway:
    """A gateway to a webhook that nobody has asked yet."""
    secret = tmp_path / "hook.secret"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    return Gateway(pattern=f"%s@{DOMAIN}", target="webhook", url="https://hooks.example.net/mail", secret_file=secret)


@pytest.fixture
def chat(hook: Gateway) -> Iterator[Chat]:
    """The installation."""
    with PostOffice(migrations="gateway") as office:
        opened = Chat(office, hook)
        opened.bind()
        yield opened


@pytest.fixture
def realm(site: Call, tmp_path: Path) -> Call:
    """A site with one gateway."""
    (tmp_path / "hook.secret").write_text("correct horse battery staple\n")
    (tmp_path / "hook.secret").chmod(0o600)
    configured(tmp_path, section("chat", "%s@chat.example.org"))
    return site
