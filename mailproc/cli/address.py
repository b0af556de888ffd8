"""`mailproc address`: the addresses of the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailproc.cli.configured import plugin_session, with_settings
from mailproc.cli.duration import Duration
from mailproc.cli.entries import decoded_row, for_people, row_of
from mailproc.cli.listing import Column, done, format_option, listing_options, write
from mailproc.cli.realms import find_in, realm_of, realms_of
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc.gateway import Channel, Direct
    from mailproc.gateway.handler import Gateway
    from mailproc.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Asked = Mapping[str, Any]

SHOWN = {
    "show-sender": "Put the From of a mail above its text.",
    "include-footer": "Keep its signature.",
    "include-quotes": "Keep what it quotes.",
    "prefer-text": "Take its plain text, as is done anyway.",
    "prefer-html": "Take its HTML where it has some.",
}

_OF_REPLIES = ("topic", "message", "user", "expires", "uses")
_OF_CHANNELS = ("creator", "sender", *(word.replace("-", "_") for word in SHOWN))
_LONGEST = 200  # characters

_handler = click.option("--handler", metavar="NAME", help="Which gateway, where [handler.*] has several.")


def _text(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The value, or values, of which each is a line that people can read and a database can hold."""
    for each in value if isinstance(value, tuple) else [value]:
        if each is not None and (not each.isprintable() or not each.strip() or len(each) > _LONGEST):
            raise click.BadParameter(f"{each!a} is not a text of at most {_LONGEST} printable characters", ctx, param)
    return value


def _shown(command: _Command) -> _Command:
    """Give a command an option for each of `SHOWN`."""
    for word, text in reversed(SHOWN.items()):
        command = click.option(f"--{word}", is_flag=True, help=text)(command)
    return command


@click.group()
def address() -> None:
    """Make, list, revoke and decode addresses of the gateway.

    Whoever knows an address can post by it, and so no listing shows one. They are kept as digests; but an address that was
    used stands in the mail that came by it, and with that in the archive and in the ledger.
    """


@address.command()
@click.argument("name", required=False, callback=_text)
@click.option(
    "--channel", callback=_text, metavar="NAME", help="The same as the argument: a channel's name, or its id in the chat."
)
@click.option("--creator", callback=_text, metavar="USER", help="For whom it is made: one address for each.")
@click.option("--sender", callback=_text, metavar="USER", help="In whose name it is used: one address for each.")
@_shown
@click.option(
    "--reply-to",
    callback=_text,
    multiple=True,
    metavar="CHANNEL|@USER...",
    help="Rather one for answers, in this conversation.",
)
@click.option("--topic", callback=_text, metavar="TEXT", help="The topic of the channel in --reply-to.")
@click.option("--message", type=click.IntRange(1, 2**63 - 1), metavar="ID", help="A message there: answers go where it is now.")
@click.option("--user", callback=_text, metavar="USER", help="In whose name the answers of --reply-to are.")
@click.option("--expires", type=Duration(), metavar="TIME", help='How long the one of --reply-to is valid, as "30 d".')
@click.option("--uses", type=click.IntRange(1, 2**31 - 1), metavar="NUMBER", help="How many answers it takes.")
@_handler
@with_settings
def new(
    settings: Settings, /, name: str | None, channel: str | None, reply_to: tuple[str, ...], handler: str | None, **asked: Any
) -> None:
    """Write the address at which mail is posted in the channel NAME, or with --reply-to in a conversation.

    That of a channel is the same each time for the same channel, creator and sender, until it is revoked; what it shows is
    written in the address. One for answers cannot be shown again.
    """
    if name and channel:
        raise click.UsageError("NAME and --channel are the same; give one of them.")
    channel = name or channel
    _refuse_mixed(channel, reply_to, asked)
    to, expires_at = _conversation(reply_to, asked), _until(asked["expires"])
    gateway = realm_of(settings, handler).gateway
    with plugin_session(settings, "gateway", writes=True) as session:
        try:
            if channel:
                made = _of_channel(settings, session, gateway, channel, asked)
            else:
                made = _of_conversation(session, gateway, to, expires_at, asked)
        except ValueError as error:
            raise MailprocError(str(error)) from None
    print(made)


def _refuse_mixed(channel: str | None, reply_to: Sequence[str], asked: _Asked) -> None:
    """Raise `UsageError` where it is not said of what kind the address is to be, and for options of the other kind."""
    if bool(channel) == bool(reply_to):
        raise click.UsageError("Give the NAME of a channel, or --reply-to for a conversation.")
    foreign = [key for key in (_OF_REPLIES if channel else _OF_CHANNELS) if asked[key]]
    if foreign:
        kind = "--reply-to" if channel else "a channel"
        raise click.UsageError(f"--{foreign[0].replace('_', '-')} is for an address of {kind}; leave it out.")
    if reply_to and not asked["user"]:
        raise click.UsageError("--reply-to needs --user: in whose name the answers are.")


def _of_channel(settings: Settings, session: Session, gateway: Gateway, channel: str, asked: _Asked) -> str:
    from mailproc.gateway.addresses import new_channel_address
    from mailproc.gateway.key import key_in
    from mailproc.state import State

    State(settings.state).require()
    options = [word for word in SHOWN if asked[word.replace("-", "_")]]
    return new_channel_address(
        session,
        gateway.form,
        gateway.realm,
        key_in(settings.state),
        channel,
        creator=asked["creator"] or "",
        sender=asked["sender"] or "",
        options=options,
    )


def _of_conversation(
    session: Session, gateway: Gateway, to: Channel | Direct, expires_at: datetime | None, asked: _Asked
) -> str:
    from mailproc.gateway import new_reply_address

    user, realm = asked["user"], gateway.realm
    return new_reply_address(session, gateway.pattern, to, user, realm=realm, expires_at=expires_at, max_uses=asked["uses"])


def _conversation(reply_to: Sequence[str], asked: _Asked) -> Channel | Direct:
    """Where answers go; raises `UsageError` for what is no conversation."""
    from mailproc.gateway import Channel, Direct

    if "@" in reply_to:
        raise click.UsageError("--reply-to: @ is nobody; write @USER.")
    if all(each.startswith("@") for each in reply_to):
        if asked["topic"] or asked["message"]:
            raise click.UsageError("--topic and --message are of a channel; leave them out.")
        return Direct(tuple(each[1:] for each in reply_to))
    if len(reply_to) > 1:
        raise click.UsageError("--reply-to is one channel, or one or more @USER.")
    return Channel(reply_to[0], asked["topic"] or "", asked["message"])


def _until(time: timedelta | None) -> datetime | None:
    try:
        return None if time is None else datetime.now(UTC) + time
    except OverflowError:
        raise click.UsageError("--expires is beyond the calendar; leave it out.") from None


@address.command(name="list")
@_handler
@listing_options
@with_settings
def list_(settings: Settings, handler: str | None, form: str, limit: int | None) -> None:
    """List all addresses that were made, by id: where their mail goes, whose they are, and whether they are valid."""
    from mailproc.gateway.addresses import entries

    columns = [Column("id", 8), Column("kind", 7), Column("to", 40), Column("user"), Column("creator"), Column("sender")]
    columns += [Column("uses", 9), Column("state", 7), Column("expires_at", 20)]
    realm = realm_of(settings, handler).gateway.realm if handler else None
    now = datetime.now(UTC)
    with plugin_session(settings, "gateway") as session:
        rows = (row_of(entry, now) for entry in entries(session, realm, limit))
        write(rows if form == "jsonl" else map(for_people, rows), columns, form)


@address.command()
@click.argument("names", nargs=-1, required=True, metavar="ID|ADDRESS...")
@_handler
@with_settings
def revoke(settings: Settings, names: tuple[str, ...], handler: str | None) -> None:
    """Take no mail any more by these addresses, for good; ids are those of address list. All are revoked, or none."""
    from mailproc.gateway import addresses

    with plugin_session(settings, "gateway", writes=True) as session:
        for name in names:
            id = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else _id(settings, session, name, handler)
            if id is None or addresses.entry_of(session, id) is None:
                raise MailprocError("there is no such address, nor id of one; type: mailproc address list")
            addresses.revoke(session, id)
    done(f"revoked: {len(names)}")


def _id(settings: Settings, session: Session, written: str, handler: str | None) -> int | None:
    found = find_in(session, realms_of(settings, handler), written)
    return found.entry.id if found and found.entry else None


@address.command()
@click.argument("names", nargs=-1, required=True, metavar="ADDRESS...")
@_handler
@format_option
@with_settings
def decode(settings: Settings, names: tuple[str, ...], handler: str | None, form: str) -> None:
    """Say what each ADDRESS is, and where its mail goes; the addresses themselves are not written again."""
    columns = [Column("kind", 7), Column("id", 8), Column("state", 7), Column("to", 40), Column("shows"), Column("address", 90)]
    realms, now = realms_of(settings, handler), datetime.now(UTC)
    with plugin_session(settings, "gateway") as session:
        rows = [decoded_row(find_in(session, realms, name), name, now) for name in names]
    write(rows if form == "jsonl" else map(for_people, rows), columns, form)
