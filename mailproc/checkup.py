"""Trying everything that a run needs, one thing after the other; each failure says what mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailproc.address import Address
from mailproc.app import bind_domains, make_answering, make_archive, make_relay, open_engine, open_verifier
from mailproc.database import keys, migrations
from mailproc.database.engine import reading
from mailproc.drops import open_drop
from mailproc.errors import Away, MailprocError
from mailproc.exits import exit_status
from mailproc.openpgp.gnupg import gpg_path
from mailproc.principal import Trust
from mailproc.privileges import user_named
from mailproc.settings import Maildrop, Serve, Settings
from mailproc.state import State
from mailproc.transport import is_loopback


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried; ``status`` is the exit status that it deserves, 0 when it is well.

    ``text`` says what was found, or what is wrong and how to mend it; ``advice`` what an operator should know besides.
    """

    what: str
    text: str
    status: int = os.EX_OK
    advice: Sequence[str] = ()


def check(settings: Settings) -> Iterator[Tried]:
    """Try all of it; nothing is changed, and no mail is touched."""
    yield Tried("configuration", str(settings.file))
    yield _try("state", lambda: _state(settings))
    yield _try("database", lambda: _schema(settings))
    yield _try("archive", lambda: _archive(settings))
    yield _try("handlers", lambda: _handlers(settings))
    yield _try("answers", lambda: _answers(settings))
    yield _try("signatures", lambda: _signatures(settings))
    yield _try("dkim", lambda: _dkim(settings))
    yield _try("keys", lambda: _keys(settings))
    for maildrop in settings.maildrops:
        yield _try(f"maildrop {maildrop.name}", lambda maildrop=maildrop: _maildrop(maildrop))  # type: ignore[misc]
    yield _try("smtp", lambda: _smtp(settings))
    if (serve := settings.serve) is not None:
        yield _try("serve", lambda: _serve(settings, serve))


def _try(what: str, attempt: Callable[[], tuple[str, Sequence[str]]]) -> Tried:
    try:
        text, advice = attempt()
    except MailprocError as error:
        return Tried(what, str(error), exit_status(error))
    return Tried(what, text, advice=advice)


def _state(settings: Settings) -> tuple[str, Sequence[str]]:
    State(settings.state).require()
    stopped = State(settings.state).stop_requested
    return str(settings.state), ["there is a stop file in it: nothing is handled until it is removed"] if stopped else []


def _schema(settings: Settings) -> tuple[str, Sequence[str]]:
    engine = open_engine(settings)
    plugins = migrations.plugin_migrations()
    migrations.require_current(engine, plugins)
    return ", ".join(f"{state.name} at {state.current}" for state in migrations.current(engine, plugins)), []


def _archive(settings: Settings) -> tuple[str, Sequence[str]]:
    """Write, see to the disk and remove, as a run does; the file gets no name under which it could be taken for a mail."""
    try:
        (settings.archive / "tmp").stat()
    except OSError as error:
        fix = "mount its disk, or type: mailproc db upgrade"
        raise Away(f"archive: {settings.archive}: {error.strerror}; {fix}") from None
    archive = make_archive(settings)
    with archive.writer() as probe:
        probe.write(b"Can this be written?\r\n")
    room = shutil.disk_usage(settings.archive).free
    advice = [f"only {room >> 20} MiB are free there"] if room < 1 << 30 else []
    return f"{settings.archive} can be written", advice


def _handlers(settings: Settings) -> tuple[str, Sequence[str]]:
    bound = dict(bind_domains(settings))
    advice = [] if bound else ['no domain has a handler; bind one: [domains."example.org"] handler = "NAME"']
    provable = {"openpgp", *(["dkim"] if settings.dkim.trusted_domains else [])}
    advice += [
        f"{domain}: {binding.name} takes only proven senders, and its trust lets nothing prove one; add openpgp to it"
        for domain, binding in bound.items()
        if binding.traits.requires is Trust.STRONG and not provable.intersection(binding.trust)
    ]
    return ", ".join(f"{domain}: {binding.name}" for domain, binding in bound.items()) or "none", advice


def _answers(settings: Settings) -> tuple[str, Sequence[str]]:
    answering = make_answering(settings)
    if answering is None:
        return "nobody is answered", ["without [smtp] no sender is told of an error, and no handler can send mail"]
    admin = Address.parse(answering.admin)
    served = bind_domains(settings).get(admin.domain, catch_all=False)
    if served is None:
        return f"from {answering.sender}", []
    advice = f"mail to {admin} comes back to {served.name}, and of ours nothing is read there; as admin name a person elsewhere"
    return f"from {answering.sender}", [advice]


def _signatures(settings: Settings) -> tuple[str, Sequence[str]]:
    name = settings.openpgp.verifier
    open_verifier(name)
    return (name if name == "sequoia" else f"{name}, {gpg_path()}"), []


def _dkim(settings: Settings) -> tuple[str, Sequence[str]]:
    """Ask the DNS of each trusted domain; what it answers does not matter, since the names of its keys are not known."""
    from mailproc.dkim.txt import Dns

    dkim = settings.dkim
    if not dkim.trusted_domains:
        advice = ["[dkim] authserv_id has no effect without trusted_domains"] if dkim.authserv_id else []
        return "no domain is trusted", advice
    dns = Dns(dkim.dns_server)
    for domain in dkim.trusted_domains:
        dns.txt(f"_domainkey.{domain}")
    return f"DNS answers for {', '.join(dkim.trusted_domains)}", []


def _keys(settings: Settings) -> tuple[str, Sequence[str]]:
    engine = open_engine(settings)
    migrations.require_current(engine, ())
    now = datetime.now(UTC)
    with reading(engine) as conn:
        number, revoked = keys.count_keys(conn)
        expiring = keys.expiring_keys(conn, now)
        lost = keys.users_without_good_keys(conn, now)
    advice = [
        f"the key {key.fingerprint} of {key.user} "
        + ("has expired" if key.state(now) == "expired" else f"expires on {key.expires_at:%Y-%m-%d}")
        for key in expiring
    ]
    advice += [f"{user} has no good key left, so that what they sign is rejected: import a new one" for user in lost]
    return f"{number} registered" + (f", {revoked} of them revoked" if revoked else ""), advice


def _maildrop(maildrop: Maildrop) -> tuple[str, Sequence[str]]:
    drop = open_drop(maildrop)
    try:
        waiting = len(drop.uids())
        advice = drop.advice()
    finally:
        drop.close()
    return f"{waiting} waiting", advice


def _smtp(settings: Settings) -> tuple[str, Sequence[str]]:
    relay = make_relay(settings)
    if relay is None:
        return "not configured", []
    facts = relay.check()
    return f"{relay.host}:{relay.port}, " + (facts.tls or "without TLS") + (", logged in" if facts.logged_in else ""), []


def _serve(settings: Settings, serve: Serve) -> tuple[str, Sequence[str]]:
    """Read what the doors need; nothing is bound, for a server may be there already."""
    from mailproc.smtpd import require_aiosmtpd

    require_aiosmtpd()
    from mailproc.reception.doors import read_doors

    listeners, tls = read_doors(serve)
    if serve.user is not None:
        user_named(serve.user)
    advice = []
    if serve.mode == "spool" and not serve.work:
        advice.append("what it takes in waits until something runs mailproc handle or mailproc watch")
    if settings.smtp is None:
        advice.append(
            "without [smtp] mail to the postmaster is passed to nobody: it stands in the log as an error, and in the archive"
        )
    if tls is None and any(not (listener.path or is_loopback(listener.host)) for listener in listeners):
        advice.append("it listens to other machines without TLS; give tls_cert and tls_key")
    return f"{', '.join(map(str, listeners))}, {serve.mode}", advice
