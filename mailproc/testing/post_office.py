"""A whole installation in a temporary folder, for the tests of handlers: all of it is real but the maildrop and the relay."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mailproc import archive
from mailproc.address import Address
from mailproc.answers import Answering, load_texts
from mailproc.database import keys, users
from mailproc.database.directory import DatabaseDirectory
from mailproc.database.engine import make_engine, reading, writing
from mailproc.database.ledger import receipt_id
from mailproc.database.migrations import PluginMigrations, plugin_migrations, upgrade
from mailproc.defaults import DEFAULT_DROP, DEFAULT_TRUST
from mailproc.errors import MailprocError, SettingsError
from mailproc.handler import Handler, traits_of
from mailproc.maildrops.memory import MemoryDrop
from mailproc.openpgp.certificates import read_certificates
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.pipeline import Binding, Site
from mailproc.plugins import Bound, resolve
from mailproc.processing.attending import attend
from mailproc.processing.emptying import empty
from mailproc.processing.performing import perform
from mailproc.processing.policy import Budget, ChunkLimits, DropPolicy
from mailproc.processing.sending import flush
from mailproc.processing.works import Owner, Works
from mailproc.reading import read_addresses, read_header, sole_author
from mailproc.reception.arriving import arrived_at_door
from mailproc.reception.policy import RecipientPolicy
from mailproc.recipients import find_recipients
from mailproc.registry import Registry
from mailproc.reply import Reply
from mailproc.submission import Relay
from mailproc.testing.delivered import Delivered, read_delivered
from mailproc.testing.keys import SigningKey

OUR_DOMAIN = "robot.example.org"
_RECIPIENT = "Delivered-To"  # the header in which a mail server leaves the recipient of the envelope
_HEADERS = (_RECIPIENT,)
_ME = "the post office of a test"
_NO_OPTIONS: Mapping[str, object] = {}


class PostOffice:
    """An installation that handles mail as ``mailproc handle`` does, in this process; close it, or use it in a ``with``.

    ``migrations`` makes the tables of the plugin under test as ``mailproc db upgrade`` would: the name of an installed plugin,
    or a folder of alembic versions. ``tables`` makes those of a MetaData, for a handler that has no migrations yet. ``now`` is
    the time in there, which stands still until it is set; the present unless said otherwise. Mail is sent nowhere.
    """

    def __init__(
        self,
        *,
        migrations: str | Path | None = None,
        tables: sa.MetaData | None = None,
        now: datetime | None = None,
    ) -> None:
        self.now = now or datetime.now(UTC)
        self._folder = tempfile.TemporaryDirectory(prefix="mailproc-")
        self._drop = MemoryDrop()
        self._registry: Registry[Binding] = Registry()
        self._engine = make_engine(f"sqlite:///{self._folder.name}/mailproc.db")
        try:
            upgrade(self._engine, _plugins(migrations))
            if tables is not None:
                with writing(self._engine) as conn:
                    tables.create_all(conn)
            self._works = self._make_works(Path(self._folder.name))
        except BaseException:
            self.close()
            raise

    def _make_works(self, folder: Path) -> Works:
        archive.create(folder / "archive")
        verifier = GnupgVerifier(folder=folder)
        return Works(
            engine=self._engine,
            archive=archive.FolderArchive(folder / "archive"),
            site=Site(self._registry, DatabaseDirectory(self._engine), verifier, OUR_DOMAIN, ChunkLimits().max_size),
            answering=Answering(f"Mail Robot <robot@{OUR_DOMAIN}>", f"admin@{OUR_DOMAIN}", OUR_DOMAIN, load_texts()),
            owner=Owner(_ME, "localhost", lambda conn: {_ME}),
            clock=lambda: self.now,
        )

    def bind(
        self,
        domain: str,
        handler: Handler | str,
        options: Mapping[str, object] = _NO_OPTIONS,
        *,
        drop: Sequence[str] = DEFAULT_DROP,
        trust: Sequence[str] = DEFAULT_TRUST,
    ) -> None:
        """Have ``handler`` serve ``domain``, which may be a pattern; what was bound before is replaced.

        A name is looked up as in the configuration, and ``options`` are what stands in its section ``[handler.NAME]``; raises
        `SettingsError` as ``mailproc check`` would. ``drop`` and ``trust`` are the keys of ``[domains."..."]``.
        """
        bound = _bound(handler, options)
        self._registry.add(domain, Binding(bound.name, bound.handler, bound.traits, tuple(drop), tuple(trust)))

    def user(
        self,
        name: str,
        *addresses: str,
        key: SigningKey | None = None,
        active: bool = True,
        require_strong: bool = False,
    ) -> None:
        """Add a user who writes from ``addresses`` and whose ``key`` is registered."""
        with writing(self._engine) as conn:
            known = map(Address.parse, addresses)
            users.add_user(conn, name, known, active=active, require_strong=require_strong, now=self.now)
            for found in read_certificates(key.certificate) if key else ():
                keys.import_key(conn, name, found, now=self.now)

    def deliver(self, mail: bytes, *, to: str | None = None, reverse_path: str | None = None) -> Delivered:
        """Put ``mail`` into the maildrop, for ``to`` or for the first address in its To, and handle what waits there.

        A mail that was delivered before for the same recipient is not handled again, unless it has failed. The reverse path,
        "" for the null path, is what the mail server has written down; None when it has not.
        """
        returned = "" if reverse_path is None else f"Return-Path: <{reverse_path}>\r\n"
        raw = f"{returned}{_RECIPIENT}: {_recipient(mail, to)}\r\n".encode() + mail
        self._drop.add(raw, arrival=self.now)
        self._handle()
        (recipient,) = find_recipients(read_header(raw), _HEADERS, lambda domain: True).addresses
        return self._delivered(receipt_id(hashlib.sha256(raw).hexdigest(), recipient))

    def submit(self, mail: bytes, *, to: str | None = None, reverse_path: str | None = None) -> Reply:
        """Bring ``mail`` to a door, where a client waits, and answer what it is told: at RCPT, or when all is done.

        The reverse path is that of the session, "" the null path; without one the address in From stands for it.
        """
        recipient = _recipient(mail, to)
        policy = RecipientPolicy(self._works.site, self._engine)
        asked = policy.reply(recipient, may_relay=False)
        if not asked.accepts:
            return asked
        path = str(sole_author(read_header(mail)) or "") if reverse_path is None else reverse_path
        arrived = arrived_at_door(
            mail, path, [policy.taken_for(recipient)], entrance="smtp", arrival=self.now, client_waits=True
        )
        return attend(self._works, arrived, one_reply=True)[0]

    def retry(self, delivered: Delivered, *, after: timedelta = timedelta(hours=1)) -> Delivered:
        """Let the time pass, handle what is due then, and see what has become of a mail that was deferred."""
        self.now += after
        self._handle()
        return self._delivered(delivered.id)

    def perform(self) -> None:
        """Carry out what is due of what handlers want done elsewhere; `Delivered.errands` of `look` says what came of it."""
        perform(self._works)

    def flush(self, host: str, port: int) -> None:
        """Send what waits in the outbox and is due to the relay at ``host``:``port``, which is one of the test."""
        flush(self._works, Relay(host, port, local_hostname=OUR_DOMAIN))

    def look(self, delivered: Delivered) -> Delivered:
        """What is recorded of a mail now."""
        return self._delivered(delivered.id)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session to look into the database, or to put something there first; committed at the end of the block.

        End it before the next mail is delivered: SQLite has one writer at a time.
        """
        with Session(self._engine) as session:
            yield session
            session.commit()

    def close(self) -> None:
        """Remove all of it."""
        self._engine.dispose()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _handle(self) -> None:
        empty(self._works, self._drop, DropPolicy(_HEADERS), ChunkLimits(), Budget())

    def _delivered(self, id: str) -> Delivered:
        with reading(self._engine) as conn:
            return read_delivered(conn, id)


def _recipient(mail: bytes, to: str | None) -> str:
    return to or next((str(address) for address in read_addresses(read_header(mail).all("To"))), "")


def _bound(handler: Handler | str, options: Mapping[str, object]) -> Bound:
    if isinstance(handler, str):
        return resolve(handler, {handler: options})
    name = getattr(handler, "__name__", type(handler).__name__)
    traits = traits_of(handler)
    if traits is None:
        raise SettingsError(f"{name} is not a handler; mark it with @handler()")
    if options or isinstance(handler, type):
        raise SettingsError(f"{name}: give options with the name of a handler, or an instance that has them")
    return Bound(name, handler, traits)


def _plugins(migrations: str | Path | None) -> list[PluginMigrations]:
    if migrations is None:
        return []
    if isinstance(migrations, Path):
        return [PluginMigrations("plugin", migrations)]
    found = [plugin for plugin in plugin_migrations() if plugin.name == migrations]
    if not found:
        raise MailprocError(f"no installed plugin offers migrations under the name {migrations}")
    return found
