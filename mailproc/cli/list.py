"""`mailproc list`: the mailing lists and aliases of the forwarder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import plugin_session, with_settings
from mailproc.cli.lines import read_all
from mailproc.cli.listing import Column, Row, done, listing_options, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc.forward.lists import Listed
    from mailproc.settings import Settings

_Change = Callable[["Session", "Listed", Sequence[str]], object]
_who = click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")


@click.group(name="list")
def list_() -> None:
    """Make, show and change mailing lists and aliases.

    NAME is the name of a list, or NAME@DOMAIN where several domains have one of this name.
    """


@list_.command()
@click.argument("name")
@click.option("--domain", default="", metavar="DOMAIN", help="Where it is an address; every domain unless given.")
@click.option("--alias", is_flag=True, help="Not a mailing list: its mail gets no List-* fields.")
@click.option("--description", default="", metavar="TEXT", help="One line for people.")
@click.option("--owner", default="", metavar="ADDR", help="Who answers for it.")
@click.option(
    "--posters",
    type=click.Choice(["anyone", "members", "owner"]),
    default="anyone",
    show_default=True,
    help="Whose mail is taken; the owner's is in any case.",
)
@click.option("--strong", is_flag=True, help="And only when it is signed, or comes from a trusted domain.")
@with_settings
def new(
    settings: Settings, name: str, domain: str, alias: bool, description: str, owner: str, posters: str, strong: bool
) -> None:
    """Make the list NAME, or NAME@DOMAIN, without members."""
    from mailproc.forward import lists

    local, _, behind = name.partition("@")
    if behind and domain and behind.lower() != domain.lower():
        raise click.UsageError("NAME has a domain already; leave out --domain.")
    with _lists(settings, writes=True) as session:
        lists.create(
            session,
            local,
            behind or domain,
            kind="alias" if alias else "list",
            description=description,
            owner=owner,
            posters=posters,
            strong=strong,
            now=datetime.now(UTC),
        )
    made = f"{local}@{behind or domain}" if behind or domain else local
    done(f"list {made} made; type: mailproc list add {made} ADDRESS...")


@list_.command()
@click.argument("name")
@_who
@with_settings
def add(settings: Settings, name: str, addresses: tuple[str, ...]) -> None:
    """Put each ADDRESS into the list NAME; @OTHER puts in whoever is in the list OTHER.

    With - the addresses are read from stdin, one a line; blank lines, and those that begin with #, are passed over. All of
    them are put in, or none. Nothing changes for who is in it already.
    """
    from mailproc.forward import members

    add_now = partial(members.add, now=datetime.now(UTC))
    _change(settings, name, addresses, add_now, "added", read=members.read_member)


@list_.command()
@click.argument("name")
@_who
@with_settings
def remove(settings: Settings, name: str, addresses: tuple[str, ...]) -> None:
    """Take each ADDRESS out of the list NAME; with - they are read from stdin. All of them, or none."""
    from mailproc.forward import members

    _change(settings, name, addresses, members.remove, "removed")


@list_.command()
@click.argument("name")
@_who
@with_settings
def pause(settings: Settings, name: str, addresses: tuple[str, ...]) -> None:
    """Let each ADDRESS stay in the list NAME, and get no mail of it for now."""
    from mailproc.forward import members

    _change(settings, name, addresses, partial(members.set_receives, receives=False), "paused")


@list_.command()
@click.argument("name")
@_who
@with_settings
def resume(settings: Settings, name: str, addresses: tuple[str, ...]) -> None:
    """Let each ADDRESS get the mail of the list NAME again, and forget what came back from there."""
    from mailproc.forward import members

    _change(settings, name, addresses, partial(members.set_receives, receives=True), "resumed")


@list_.command()
@click.argument("wanted", required=False, default="", metavar="[NAME|EXPRESSION]")
@listing_options
@with_settings
def show(settings: Settings, wanted: str, form: str, limit: int | None) -> None:
    """Show all lists, who is in the list NAME, or whom a mail to an EXPRESSION would reach.

    BOUNCES says how often mail to an address came back, DEAD what was said last. An expression adds lists with +
    and takes them away with -, as the local part of an address does: mailproc list show board+choir-guests
    """
    with _lists(settings) as session:
        rows, columns = _shown(session, wanted, limit)
        write(rows if form == "jsonl" else map(_for_people, rows), columns, form)


@list_.command()
@click.argument("name")
@with_settings
def close(settings: Settings, name: str) -> None:
    """Take no mail for the list NAME any more; its members stay."""
    _set_closed(settings, name, datetime.now(UTC))


@list_.command(name="open")
@click.argument("name")
@with_settings
def open_(settings: Settings, name: str) -> None:
    """Take mail for the list NAME again."""
    _set_closed(settings, name, None)


@list_.command()
@click.argument("name")
@with_settings
def delete(settings: Settings, name: str) -> None:
    """Remove the list NAME, which must be closed, with its members."""
    from mailproc.forward import lists

    with _lists(settings, writes=True) as session:
        found = lists.find(session, name)
        if found.closed_at is None:
            raise MailprocError(f"{found} is open, and its members would be lost; type first: mailproc list close {found}")
        lists.delete(session, found)
    done(f"list {found} deleted")


@contextmanager
def _lists(settings: Settings, *, writes: bool = False) -> Iterator[Session]:
    """A session in which what cannot be is one line."""
    from mailproc.forward.lists import ListError

    with plugin_session(settings, "forward", writes=writes) as session:
        try:
            yield session
        except ListError as error:
            raise MailprocError(str(error)) from None


def _change(
    settings: Settings, name: str, given: Iterable[str], change: _Change, did: str, read: Callable[[str], str] = str
) -> None:
    """Change who stands in a list; all is read, from stdin too, before others have to wait for the database."""
    from mailproc.forward.lists import ListError, find

    places, addresses = read_all(given, read)
    with _lists(settings, writes=True) as session:
        found = find(session, name)
        try:
            changed = change(session, found, addresses)
        except ListError as error:
            raise MailprocError(f"{places[error.at or 0]}{error}") from None
    done(f"{found}: {len(addresses) if changed is None else changed} {did}")


def _set_closed(settings: Settings, name: str, at: datetime | None) -> None:
    from mailproc.forward import lists

    with _lists(settings, writes=True) as session:
        found = lists.find(session, name)
        lists.set_closed(session, found, at)
    done(f"list {found} is {'closed' if at else 'open'}")


def _shown(session: Session, wanted: str, limit: int | None) -> tuple[Iterable[Row], Sequence[Column]]:
    """The rows, and the columns of them that a table has."""
    from mailproc.forward import lists, members

    if not wanted:
        columns = [Column("list", 40), Column("kind", 5), Column("members", 12), Column("dead", 6), Column("posters", 7)]
        rows = ({"list": str(each), **asdict(each)} for each in lists.every(session, limit))
        return rows, [*columns, Column("closed_at", 20), Column("description")]
    if lists.matching(session, wanted):
        found = members.members(session, lists.find(session, wanted), limit)
        columns = [Column("address", 60), Column("receives", 8), Column("bounces", 7), Column("dead")]
        return map(asdict, found), columns
    return islice(_reached(session, wanted), limit), [Column("list", 40), Column("address", 60)]


def _for_people(row: Row) -> Row:
    """The same with the number of members, and how many of them get mail where not all do."""
    some = "members" in row and row["receiving"] != row["members"]
    return {**row, "members": f"{row['receiving']} of {row['members']}"} if some else row


def _reached(session: Session, wanted: str) -> Iterator[Row]:
    from mailproc.address import Address
    from mailproc.forward.expansion import Lists
    from mailproc.forward.lists import domains

    local, at, domain = wanted.rpartition("@")
    if not at:
        known = [each for each in domains(session) if each]
        local, domain = wanted, known[0] if len(known) == 1 else ""
    for group in Lists().resolve(Address(local, domain), session):
        yield from ({"list": group.name, "address": each} for each in group.recipients)


list = list_
