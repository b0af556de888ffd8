"""`mailproc report`: mail the administrator what failed since the last report."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import reading, refuse_another_user, with_settings, writing
from mailproc.cli.duration import Duration
from mailproc.cli.listing import done, safe
from mailproc.errors import Away, Locked, MailprocError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from mailproc.address import Address
    from mailproc.answers import Answering, Composed
    from mailproc.database.unreported import Item
    from mailproc.settings import Settings

log = logging.getLogger("mailproc")

_LOCK = "of.the.report"  # with dots, which no name of a maildrop has


@click.command()
@click.option("-n", "--dry-run", is_flag=True, help="Print the report; send and mark nothing.")
@click.option("--to", metavar="ADDRESS", help="Somebody else than the administrator, [smtp] admin.")
@click.option(
    "--at-least", type=click.IntRange(min=1), default=1, show_default=True, metavar="NUMBER", help="Send nothing for fewer."
)
@click.option("--older-than", type=Duration(), metavar="TIME", help='Send fewer all the same when one is older, as "2 d".')
@with_settings
def report(settings: Settings, dry_run: bool, to: str | None, at_least: int, older_than: timedelta | None) -> int:
    """Mail the administrator what failed since the last report.

    It tells of messages that failed or were rejected, of addresses for which the relay has refused our mail for good, of what
    could not be done elsewhere, and of what handlers want told. Where there is nothing to tell, nothing is sent.

    What was told is marked once the relay has taken the report, and is not told again.

    Exit status: 0 sent, or nothing to send; 69 the relay refused the report; 75 it is away, or another report is being sent; 77
    it refused our login; 78 the configuration.
    """
    from mailproc.report import Threshold

    now = datetime.now(UTC)
    answering = _answering(settings)
    with nullcontext() if dry_run else _alone(settings):
        items = _items(settings)
        if not Threshold(at_least, older_than).reached(items, now):
            done(f"There is too little to report: {len(items)}." if items else "There is nothing to report.")
            return os.EX_OK
        compose = partial(_composed, answering, items, to or answering.admin, now, _Recipients(settings))
        if dry_run:
            click.echo(_shown(compose()))
            return os.EX_OK
        if not (_sent(settings, compose()) or _sent(settings, compose(bare=True))):
            return os.EX_UNAVAILABLE
        with writing(settings) as connection:
            _mark(connection, items, now)
    done(f"{len(items)} reported")
    return os.EX_OK


class _Recipients:
    """How the address that a message was sent to is written: as its handler says, for some of them are secrets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shown: dict[str, Callable[[Address], str]] = {}

    def __call__(self, item: Item) -> str:
        from mailproc.address import Address

        if item.kind == "unsent":  # an address of others
            return item.recipient or ""
        name = item.handler or ""
        if name not in self._shown:
            self._shown[name] = self._of(name)
        return self._shown[name](Address.parse(item.recipient or ""))

    def _of(self, name: str) -> Callable[[Address], str]:
        """The handler's own way; of one that cannot be asked any more nothing but the domain is shown."""
        from mailproc.handler import shown_of
        from mailproc.plugins import resolve

        if not name:
            return str
        try:
            return shown_of(resolve(name, self._settings.handlers, self._settings.file.parent).handler)
        except MailprocError:
            return lambda address: f"...@{address.domain}"


def _answering(settings: Settings) -> Answering:
    from mailproc.app import make_answering

    answering = make_answering(settings)
    if answering is None:
        raise SettingsError(f"{settings.file}: there is no [smtp], by which a report could be sent; add one")
    return answering


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    from mailproc.state import State

    refuse_another_user(settings)
    state = State(settings.state)
    state.require()
    try:
        with state.locked(_LOCK):
            yield
    except Locked:
        raise Locked("another report is being sent") from None


def _items(settings: Settings) -> list[Item]:
    from mailproc.database.unreported import unreported

    with reading(settings) as connection:
        return unreported(connection)


def _mark(connection: Connection, items: Sequence[Item], now: datetime) -> None:
    from mailproc.database.unreported import mark

    mark(connection, items, now)


def _composed(
    answering: Answering,
    items: Sequence[Item],
    to: str,
    now: datetime,
    recipient: Callable[[Item], str],
    *,
    bare: bool = False,
) -> Composed:
    """The report; its Message-ID is that of what it tells, so that who gets it twice after a crash can know it."""
    from mailproc.answers import Unsendable, compose_notice
    from mailproc.report import subject_of, text_of

    told = hashlib.sha256("\n".join(f"{item.table} {item.key} {item.at}" for item in items).encode())
    text = text_of(items, socket.gethostname(), recipient, bare=bare)
    try:
        return compose_notice(answering, to, subject_of(items), text, serial=f"report {told.hexdigest()} {bare}", now=now)
    except Unsendable:
        raise click.UsageError(f"--to {safe(to)!r} is no address; write it like postmaster@example.org") from None


def _shown(mail: Composed) -> str:
    """The mail as its reader sees it, without what programs write to each other."""
    from mailproc.reading import read_message

    read = read_message(mail.raw)
    return f"To: {mail.recipient}\nSubject: {read.subject}\n\n" + "\n".join(map(_safe, read.text.splitlines()))


def _safe(line: str) -> str:
    """A line that can be shown, with its indentation."""
    return line[: len(line) - len(line.lstrip(" "))] + safe(line)


def _sent(settings: Settings, mail: Composed) -> bool:
    """Whether the relay has taken it, or refused it for good; raises `Away` where it has done neither."""
    from mailproc.app import make_relay

    relay = make_relay(settings)
    assert relay is not None  # noqa: S101 - there is [smtp]
    with relay:
        (submitted,) = relay.send(mail.reverse_path, [mail.recipient], mail.raw)
    if submitted.kind == "retry":
        raise Away(f"the report was not sent: {submitted.reply}")
    if submitted.kind == "refused":
        log.error("the relay refused the report to %s: %s", mail.recipient, submitted.reply)
    return submitted.kind == "sent"
