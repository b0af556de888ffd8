"""Installations that write from addresses of their own, and whose reply address leads back into their maildrop (class B57)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from mailproc.address import Address
from mailproc.database.engine import writing
from mailproc.database.users import add_user
from mailproc.processing.works import Works
from tests.installation import Clock, DovecotBox, Installation, MaildirBox
from tests.loops.post import Carried
from tests.servers.relay import RelayServer

MAX_SIZE = 32 * 1024


class House:
    """An installation whose mail comes from ``robot@DOMAIN``, and which serves ``DOMAIN`` by `AnswersAll`.

    At ``all.DOMAIN`` nothing is dropped: there the mail of machines reaches the handler too. ``users``
    are active. Its maildrop is a Maildir unless said otherwise. Its clock stands until it is told to go on.
    """

    def __init__(
        self,
        folder: Path,
        template: Path,
        relay: RelayServer,
        domain: str,
        users: Iterable[str],
        box: DovecotBox | None = None,
    ) -> None:
        folder.mkdir()
        shutil.copy(template, folder / "mailproc.db")
        (folder / "mailproc.db").chmod(0o600)
        self.relay = relay
        self.domain = domain
        self.address = f"robot@{domain}"
        self.clock = Clock()
        self.box = box or MaildirBox(folder / "Maildir")
        url = f"sqlite:///{folder / 'mailproc.db'}"
        self.installation = Installation(folder, url, self.box, relay=relay, handler="tests.loops.handlers:AnswersAll")
        config = self.installation.config
        served = f'[domains."{domain}"]\nhandler = "deeds"\n[domains."all.{domain}"]\nhandler = "deeds"\ndrop = []\n'
        text = config.read_text().replace("robot@example.org", self.address)
        config.write_text(f'max_size = "{MAX_SIZE // 1024} KiB"\n{text}{served}')
        self.answers_by("reply")
        for address in users:
            self.admit(address)

    def admit(self, address: str, *, active: bool = True) -> None:
        """Register an active user with this address, or one that is not active."""
        with writing(self.installation.engine) as conn:
            add_user(conn, address.replace("@", "-"), [Address.parse(address)], active=active)

    def answers_by(self, way: str) -> None:
        """Answer from now on by a reply, a rejection or a crash."""
        (self.installation.folder / "way").write_text(way)

    def take(self, mail: Carried) -> None:
        """Take a mail into the maildrop."""
        self.box.append([mail.raw])

    @cached_property
    def works(self) -> Works:
        """What it works with, in this process."""
        return self.installation.works(self.clock)

    def work(self) -> None:
        """One run, in this process: handle what waits, and send."""
        self.installation.empty(self.works)
        self.installation.flush(self.works)

    def rest(self) -> None:
        """Let so much time pass that no answer counts for the rate any more."""
        self.clock.forward(timedelta(hours=2))

    def close(self) -> None:
        """Let everything go."""
        if "works" in self.__dict__:
            self.works.engine.dispose()
        self.installation.close()
