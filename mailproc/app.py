"""The composition root: from settings to the parts, each made once and handed on as arguments."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from mailproc.answers import Answering, load_texts
from mailproc.archive import Archive, FolderArchive
from mailproc.authenticate import DomainTrust
from mailproc.database import migrations
from mailproc.database.directory import DatabaseDirectory
from mailproc.database.engine import make_engine
from mailproc.directory import Directory
from mailproc.dkim import DomainVerifier
from mailproc.envelope import MAX_SIZE
from mailproc.errors import MissingProgram
from mailproc.handler import Traits
from mailproc.inspection import Inspector
from mailproc.logins import login_of
from mailproc.openpgp import Verifier
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.ownership import owner
from mailproc.pipeline import Binding, Site
from mailproc.plugins import resolve
from mailproc.postmaster import bind_postmaster
from mailproc.principal import Trust
from mailproc.processing.policy import ChunkLimits, DropPolicy
from mailproc.processing.works import Deaf, Watch, Works, utc_now
from mailproc.registry import Registry
from mailproc.settings import RECIPIENT_HEADERS, Dkim, Maildrop, Settings
from mailproc.state import State
from mailproc.submission import Relay
from mailproc.userfile import UserFile

if TYPE_CHECKING:
    from mailproc.dkim.txt import TextRecords

log = logging.getLogger("mailproc")


def open_engine(settings: Settings) -> Engine:
    """The way into the configured database."""
    return make_engine(settings.database.url.reveal())


def checked_engine(settings: Settings) -> Engine:
    """The same, when the schema is what this program and its plugins need; raises `SettingsError` with the fix."""
    engine = open_engine(settings)
    migrations.require_current(engine, migrations.plugin_migrations())
    return engine


def make_archive(settings: Settings) -> Archive:
    """Where the mails are kept."""
    return FolderArchive(settings.archive)


def recipient_headers(settings: Settings | None) -> Sequence[str]:
    """The headers that name the recipient of a mail that came without an envelope and from no maildrop."""
    return settings.maildrops[0].recipient_headers if settings and settings.maildrops else RECIPIENT_HEADERS


def bind_domains(settings: Settings) -> Registry[Binding]:
    """The handlers that the operator bound to domains; raises `SettingsError` for one that cannot be used."""
    registry: Registry[Binding] = Registry()
    for domain, bound in settings.domains.items():
        key = f'domains."{domain}".handler'
        found = resolve(bound.handler, settings.handlers, settings.file.parent, key=key)
        registry.add(domain, Binding(found.name, found.handler, found.traits, bound.drop, bound.trust))
    return registry


def our_domain(settings: Settings | None) -> str:
    """The domain of our own mail, by which we know it when it comes back."""
    return settings.smtp.sender.address.domain if settings and settings.smtp else "mailproc.invalid"


def make_verifier(name: str = "gnupg", folder: Path | None = None) -> Verifier | None:
    """What checks signatures; None where it is not installed, which is loud: then signed mail waits, and no other."""
    try:
        return open_verifier(name, folder)
    except MissingProgram as error:
        log.error("signed mail waits: %s", error)
        return None


def open_verifier(name: str, folder: Path | None = None) -> Verifier:
    """The verifier of this name in the configuration; raises `MissingProgram` where it is not installed."""
    if name == "gnupg":
        return GnupgVerifier(folder=folder)
    from mailproc.openpgp.agreement import Both
    from mailproc.openpgp.sequoia import SequoiaVerifier  # an extra

    return SequoiaVerifier() if name == "sequoia" else Both(GnupgVerifier(folder=folder), SequoiaVerifier())


def make_domain_trust(dkim: Dkim, txt: TextRecords | None = None) -> DomainTrust | None:
    """Whose DKIM signatures prove a sender; None where no domain is trusted. ``txt`` stands in for the DNS."""
    if not dkim.trusted_domains:
        return None
    from mailproc.dkim.results import TrustedResults
    from mailproc.dkim.txt import Dns
    from mailproc.dkim.verifier import DkimVerifier

    verifiers: list[DomainVerifier] = [DkimVerifier(txt or Dns(dkim.dns_server))]
    if dkim.authserv_id:
        verifiers.insert(0, TrustedResults(dkim.authserv_id))
    return DomainTrust(frozenset(map(str.lower, dkim.trusted_domains)), verifiers, defer=dkim.on_dns_error == "defer")


def make_site(settings: Settings, directory: Directory, txt: TextRecords | None = None) -> Site:
    """What the decisions rest on; ``txt`` stands in for the DNS."""
    return Site(
        registry=bind_domains(settings),
        directory=directory,
        verifier=make_verifier(settings.openpgp.verifier, State(settings.state).temporary),
        domain=our_domain(settings),
        max_size=settings.max_size,
        dkim=make_domain_trust(settings.dkim, txt),
        postmaster=bind_postmaster((settings.smtp.admin or settings.smtp.sender).address if settings.smtp else None),
    )


def make_inspector(
    settings: Settings | None, directory: Directory | None, max_age: timedelta | None, txt: TextRecords | None = None
) -> Inspector:
    """The real decisions, for looking only: no network is used.

    Users and keys are those of ``directory``, else of the configuration's database, else there are none. ``max_age`` of a
    signature: None for the usual, zero for no limit. ``txt`` are the records that stand in for the DNS. Without a
    configuration every mail has a handler of which nothing is known, and no domain is trusted.
    """
    if settings is None:
        nothing: Registry[Binding] = Registry()
        nothing.add("*", Binding("", lambda delivery: delivery.drop("this is only a look"), Traits(Trust.NONE)))
        site = Site(nothing, directory or UserFile({}, {}), make_verifier(), our_domain(None), MAX_SIZE)
    else:
        from mailproc.dkim.txt import NoNetwork

        site = make_site(settings, directory or DatabaseDirectory(checked_engine(settings)), txt or NoNetwork())
    if max_age is not None:
        site = replace(site, max_signature_age=max_age or None)
    return Inspector(site, recipient_headers(settings), routing=settings is not None)


def make_answering(settings: Settings) -> Answering | None:
    """How we write; None without ``[smtp]``, and then nobody is answered."""
    if settings.smtp is None:
        return None
    smtp = settings.smtp
    return Answering(
        sender=str(smtp.sender),
        admin=str((smtp.admin or smtp.sender).address),
        domain=our_domain(settings),
        texts=load_texts(settings.answers),
        max_size=settings.max_size,
    )


def make_relay(settings: Settings) -> Relay | None:
    """The relay that takes our mail; None without ``[smtp]``."""
    if settings.smtp is None:
        return None
    smtp, url = settings.smtp, settings.smtp.url
    return Relay(
        url.host,
        url.port,
        security=url.security,
        username=url.username,
        login=login_of(smtp, "smtp") if url.username else None,
        ca_file=str(smtp.ca_file) if smtp.ca_file else None,
        local_hostname=our_domain(settings),
    )


def make_limits(settings: Settings) -> ChunkLimits:
    """The bounds of a chunk and of a message."""
    limits = settings.limits
    return ChunkLimits(limits.chunk_messages, limits.chunk_size, settings.max_size, limits.max_archived)


def drop_policy(maildrop: Maildrop) -> DropPolicy:
    """What the operator wants of one maildrop."""
    after = {name: getattr(maildrop.after, name) for name in ("handled", "dropped", "rejected", "failed")}
    return DropPolicy(maildrop.recipient_headers, after)


def make_works(
    settings: Settings,
    owner_id: str,
    *,
    watch: Watch | None = None,
    deaths: Mapping[str, str] | None = None,
    note_pending: Callable[[], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Works:
    """Everything that turns bytes into outcomes.

    Raises `SettingsError` for a handler that cannot be used and for a schema that is behind; no mail is touched before.
    """
    engine = checked_engine(settings)
    state = State(settings.state)
    return Works(
        engine=engine,
        archive=make_archive(settings),
        site=make_site(settings, DatabaseDirectory(engine)),
        answering=make_answering(settings),
        owner=owner(state.owners, owner_id, clock),
        clock=clock,
        watch=watch or Deaf(),
        note_pending=note_pending or state.pending.set,
        give_way=state.crowd.give_way,
        note_debt=state.debts.add,
        note_too_large=state.note_too_large,
        deaths=deaths or {},
        verify_threads=max(2, os.cpu_count() or 1),
    )
