"""A whole installation in a temporary folder: configuration, user, database, archive, maildrops and relay.

::

    with Installation(tmp_path, database_url, DovecotBox(dovecot, "robot"), relay=relay) as installation:
        installation.append(make_mail("1"), make_mail("2 reply"))
        assert installation.run().returncode == 0
        assert installation.effects() == ["1", "2"]

A run is a real process. What happens to a message is what its subject says: see `tests.crash.deeds`.
"""

from __future__ import annotations

import json
import mailbox
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from mailproc import archive
from mailproc.address import Address
from mailproc.app import drop_policy, make_limits, make_relay, make_works
from mailproc.database import books, tables
from mailproc.database.engine import make_engine, reading, writing
from mailproc.database.errands import state_of
from mailproc.database.keys import import_key
from mailproc.database.users import add_user
from mailproc.drops import open_drop
from mailproc.maildrops import Maildrop as Drop
from mailproc.openpgp.certificates import read_certificates
from mailproc.processing.emptying import empty
from mailproc.processing.policy import Budget
from mailproc.processing.sending import flush
from mailproc.processing.works import Works, utc_now
from mailproc.settings import Settings, load
from mailproc.state import State
from tests.crash.deeds import effect
from tests.nursery.process import Process, Running
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

ROOT = Path(__file__).parents[1]
DOMAIN = "notes.example.org"
RECIPIENT = f"book@{DOMAIN}"
SENDER = "ann@example.com"
DEEDS = "tests.crash.deeds:Deeds"


def make_mail(
    subject: str, *, sender: str = SENDER, to: str | None = RECIPIENT, header: str = "", text: str = "Hello"
) -> bytes:
    """A mail of a person; ``to`` is what the MTA says of the recipient, None when it says nothing."""
    fields = [f"X-Original-To: {to}"] if to is not None else []
    fields += [
        f"From: {sender}",
        f"Subject: {subject}",
        f"Message-ID: <{'.'.join(re.findall('[A-Za-z0-9]+', subject))}@example.com>",
    ]
    fields += [line for line in header.splitlines() if line]
    return "\r\n".join([*fields, "", text, ""]).encode()


class Box(Protocol):
    """A place where mail waits, as its MTA and other mail programs see it."""

    url: str

    def append(self, raws: Iterable[bytes]) -> None:
        """Deliver these."""

    def left(self) -> list[bytes]:
        """The raw bytes of what is there."""


class DovecotBox:
    """The INBOX of a user of a Dovecot."""

    def __init__(self, dovecot: Dovecot, user: str) -> None:
        self.dovecot = dovecot
        self.user = user
        self.url = dovecot.url(user)

    def append(self, raws: Iterable[bytes]) -> None:
        """Deliver these by APPEND."""
        self.dovecot.append_all(self.user, raws)

    def left(self) -> list[bytes]:
        """The raw bytes of what is there, marked or not."""
        return self.dovecot.messages(self.user)

    def marked(self) -> list[int]:
        """The uids of what is marked ``\\Deleted``."""
        return self.dovecot.uids(self.user, "DELETED")


class Pop3Box(DovecotBox):
    """The same INBOX, as it is emptied by POP3."""

    def __init__(self, dovecot: Dovecot, user: str) -> None:
        super().__init__(dovecot, user)
        self.url = f"pop3://{user}@127.0.0.1:{dovecot.pop3_port}"


class MboxBox:
    """An mbox file; it is made with the first mail, and each comes from ``sender``."""

    def __init__(self, path: Path, sender: str = SENDER) -> None:
        self.path = path
        self.url = f"mbox:{path}"
        self._postmark = f"From {sender}  Sun Mar  1 12:30:00 2026\n".encode()

    def append(self, raws: Iterable[bytes]) -> None:
        """Deliver these as an MTA does: with the line ends of this machine, quoted, and an empty line behind each."""
        with self.path.open("ab") as file:
            for raw in raws:
                lines = re.sub(rb"(?m)^(>*From )", rb">\1", raw.replace(b"\r\n", b"\n"))
                file.write(self._postmark + lines + b"\n")

    def left(self) -> list[bytes]:
        """The raw bytes of what is there, without the lines ``From ``."""
        box = mailbox.mbox(self.path, create=False)
        return [box.get_bytes(key) for key in box.iterkeys()]


class MaildirBox:
    """A Maildir on this machine; it is made when it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"maildir:{path}"
        self._delivered = 0
        for name in ("tmp", "new", "cur"):
            (path / name).mkdir(parents=True, exist_ok=True)

    def append(self, raws: Iterable[bytes]) -> None:
        """Deliver these as an MTA does."""
        for raw in raws:
            self._delivered += 1
            name = f"{1700000000 + self._delivered}.M{self._delivered}P{os.getpid()}.host"
            (self.path / "tmp" / name).write_bytes(raw)
            (self.path / "tmp" / name).rename(self.path / "new" / name)

    def left(self) -> list[bytes]:
        """The raw bytes of what is there."""
        return [file.read_bytes() for name in ("new", "cur") for file in sorted((self.path / name).iterdir())]


@dataclass
class Clock:
    """A clock that goes only when it is told to."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


class Installation:
    """An installation with the user ann, whose mail to ``notes.example.org`` is handled by `tests.crash.deeds.Deeds`.

    The boxes are the maildrops ``main``, ``second``, ``third``. ``database_url`` is of a database with the schema in it.
    ``limits`` and ``after`` are the keys of the configuration; ``options`` those of the handler.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *boxes: Box,
        relay: RelayServer | None = None,
        handler: str = DEEDS,
        limits: Mapping[str, object] | None = None,
        after: Mapping[str, str] | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.database_url = database_url
        self.boxes = boxes
        self.relay = relay
        self.config = folder / "mailproc.toml"
        self.engine = make_engine(database_url)
        self.state = State(folder / "state")
        self._processes: list[Running] = []
        self._password = folder / "password"
        self._password.touch(mode=0o600)
        self._password.write_text("secret\n")
        self.config.write_text(_toml(self, handler, limits or {}, after or {}, options or {}))
        self.state.create()
        archive.create(folder / "archive")
        self._populate()

    def _populate(self) -> None:
        with writing(self.engine) as conn:
            effect.create(conn, checkfirst=True)
            if not conn.execute(sa.select(tables.user)).first():
                add_user(conn, "ann", [Address.parse(SENDER)])

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process that still runs, and let the database go."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=20)
        self.engine.dispose()

    def import_key(self, certificate: bytes, user: str = "ann") -> None:
        """Register a key for a user."""
        (read,) = read_certificates(certificate)
        with writing(self.engine) as conn:
            import_key(conn, user, read)

    def edit(self, old: str, new: str) -> None:
        """Change the configuration, in which ``old`` must be."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    # The mail ------------------------------------------------------------------------------------------------------------

    def append(self, *mails: bytes, box: int = 0) -> None:
        """Deliver mails into one of the maildrops."""
        self.boxes[box].append(mails)

    def left_in_maildrop(self, box: int = 0) -> list[str]:
        """The subjects of what is in a maildrop, marked or not."""
        return [str(message_from_bytes(raw)["Subject"]) for raw in self.boxes[box].left()]

    # Runs in processes of their own --------------------------------------------------------------------------------------

    def start(
        self, *arguments: str, failpoint: str | None = None, command: str = "handle", begin: Callable[..., Running] = Process
    ) -> Running:
        """Begin ``mailproc handle`` as a process, or another command of it; by `anew` where it is measured what that costs."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAILPROC_")}
        environment["PYTHONPATH"] = str(ROOT)
        if failpoint:
            environment["MAILPROC_FAILPOINT"] = failpoint
        process = begin(["--config", str(self.config), command, *arguments], self.folder, environment)
        self._processes.append(process)
        return process

    def run(self, *arguments: str, failpoint: str | None = None, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run ``mailproc handle`` to its end, and to that of all that it has started: they hold its stdout."""
        return finish(self.start(*arguments, failpoint=failpoint), timeout)

    def mailproc(self, command: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run another command of mailproc to its end."""
        return finish(self.start(*arguments, command=command), timeout)

    # Processing inside of this process, for a clock of one's own ---------------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        """The configuration as a run reads it."""
        return load(self.config, {})

    def works(self, clock: Callable[[], datetime] = utc_now, *, owner: str = "test") -> Works:
        """What processing works with."""
        return make_works(self.settings, owner, clock=clock)

    def drop(self, box: int = 0) -> Drop:
        """The open maildrop, as a worker has it."""
        return open_drop(self.settings.maildrops[box])

    def empty(self, works: Works, drop: Drop | None = None, *, box: int = 0) -> None:
        """Empty one maildrop here and now, or ``drop`` in its place."""
        maildrop = self.settings.maildrops[box]
        opened = drop or self.drop(box)
        try:
            empty(works, opened, drop_policy(maildrop), make_limits(self.settings), Budget())
        finally:
            opened.close()

    def flush(self, works: Works) -> None:
        """Send what is due."""
        flush(works, make_relay(self.settings))

    # What came of it -----------------------------------------------------------------------------------------------------

    def effects(self) -> list[str]:
        """What the handler has written through its session and what was committed, in order of the names."""
        return sorted(self._rows(sa.select(effect.c.name), scalars=True))

    def calls(self) -> list[str]:
        """Every call of the handler, as it was written into a file that no rollback reaches."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def receipts(self) -> list[sa.Row[Any]]:
        """The receipts, in order of the Message-ID, which is that of the subjects."""
        return self._rows(sa.select(tables.receipt).order_by(tables.receipt.c.message_id, tables.receipt.c.recipient))

    def dispositions(self) -> list[str | None]:
        """How each receipt ended."""
        return [receipt.disposition for receipt in self.receipts()]

    def balance(self) -> books.Balance:
        """The books."""
        with reading(self.engine) as conn:
            return books.balance(conn)

    def oopses(self) -> list[sa.Row[Any]]:
        """The OOPSes, oldest first."""
        return self._rows(sa.select(tables.oops).order_by(tables.oops.c.created_at, tables.oops.c.id))

    def outbox(self) -> list[sa.Row[Any]]:
        """The outbox with the bytes of its letters, oldest first."""
        letters = (tables.letter.c.raw, tables.letter.c.tell)
        return self._rows(sa.select(tables.outbox, *letters).join(tables.letter).order_by(tables.outbox.c.id))

    def errands(self) -> list[tuple[str, str | None, str | None]]:
        """What was to be done elsewhere, in order: state, note and OOPS."""
        rows = self._rows(sa.select(tables.errand).order_by(tables.errand.c.id))
        return [(state_of(row), row.reply, row.oops_id) for row in rows]

    def sent(self) -> list[Message]:
        """What the relay was given, in order."""
        return [message_from_bytes(received.data) for received in self.relay.received] if self.relay else []

    def archived(self) -> list[bytes]:
        """What the archive keeps, in order of the digests."""
        files = sorted((self.folder / "archive").glob("??/??/*"))
        return [file.read_bytes() for file in files]

    def _rows(self, query: sa.Select[Any], *, scalars: bool = False) -> list[Any]:
        with reading(self.engine) as conn:
            found = conn.execute(query)
            return list(found.scalars() if scalars else found)


def finish(process: Running, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Wait for a process and all that hold its stdout; what takes longer than ``timeout`` seconds is killed and fails."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _toml(
    installation: Installation,
    handler: str,
    limits: Mapping[str, object],
    after: Mapping[str, str],
    options: Mapping[str, object],
) -> str:
    lines = [f"database = {json.dumps(installation.database_url)}"]
    for name, box in zip(("main", "second", "third"), installation.boxes, strict=False):
        lines += ["[[maildrop]]", f'name = "{name}"', f"url = {json.dumps(box.url)}"]
        lines += ['password_file = "password"'] if isinstance(box, DovecotBox) else []
        lines += [f"after = {_inline(after)}"] if after else []
    if installation.relay is not None:
        lines += ["[smtp]", f'url = "smtp://127.0.0.1:{installation.relay.port}"', 'from = "Mail Robot <robot@example.org>"']
    lines += ["[log]", 'file = "log"', "[limits]", *_keys(limits)]
    lines += [f'[domains."{DOMAIN}"]', 'handler = "deeds"']
    lines += ["[handler.deeds]", f'use = "{handler}"', *_keys({"folder": str(installation.folder), **options})]
    return "\n".join([*lines, ""])


def _keys(table: Mapping[str, object]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]


def _inline(table: Mapping[str, str]) -> str:
    return "{ " + ", ".join(_keys(table)) + " }"
