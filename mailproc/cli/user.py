"""`mailproc user`: who our users are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mailproc.address import Address
from mailproc.cli.configured import reading, with_settings, writing
from mailproc.cli.listing import Column, Row, done, listing_options, write

if TYPE_CHECKING:
    from mailproc.database.users import Account
    from mailproc.settings import Settings

_LONGEST_LINE = 8192  # octets


@click.group()
def user() -> None:
    """Add, list, activate and deactivate users, and set their passwords."""


def _address(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Address, ...]:
    for value in values:
        local, at, domain = value.rpartition("@")
        if not (local and at and domain and value.isprintable()) or set(value) & set(' <>,;"'):
            raise click.BadParameter(f"{value!a} is not an address; write it like ann@example.org", ctx, param)
    return tuple(map(Address.parse, values))


def _name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.isprintable() or not value.strip() or len(value) > 100:
        raise click.BadParameter(f"{value!a} is not a name of at most 100 printable characters", ctx, param)
    return value


@user.command()
@click.argument("name", callback=_name)
@click.option("--email", "emails", multiple=True, required=True, callback=_address, metavar="ADDR...", help="Theirs alone.")
@click.argument("more", nargs=-1, callback=_address, metavar="")
@click.option("--inactive", is_flag=True, help="Their mail is dropped in silence.")
@click.option("--require-strong", is_flag=True, help="Their mail counts only when it is signed.")
@with_settings
def add(
    settings: Settings,
    name: str,
    emails: tuple[Address, ...],
    more: tuple[Address, ...],
    inactive: bool,
    require_strong: bool,
) -> None:
    """Add the user NAME, who writes from the addresses of --email."""
    from mailproc.database.users import add_user

    with writing(settings) as connection:
        add_user(connection, name, (*emails, *more), active=not inactive, require_strong=require_strong)
    done(f"user {name} added")


@user.command(name="list")
@listing_options
@with_settings
def list_(settings: Settings, form: str, limit: int | None) -> None:
    """List all users with their addresses, and how many of their keys are good: neither expired nor revoked."""
    from mailproc.database.users import list_users

    columns = [Column("name"), Column("active", 6), Column("require_strong", 14), Column("keys", 12), Column("addresses")]
    with reading(settings) as connection:
        rows = map(_row, list_users(connection, limit))
        write(rows if form == "jsonl" else ({**row, "keys": _keys(row)} for row in rows), columns, form)


def _row(account: Account) -> dict[str, object]:
    return {
        "name": account.user.name,
        "active": account.user.active,
        "require_strong": account.user.require_strong,
        "keys": account.keys,
        "good_keys": account.good_keys,
        "password": account.password,
        "addresses": account.addresses,
        "created_at": account.created_at,
    }


def _keys(row: Row) -> str:
    """The number of keys, and how many of them are good where not all are."""
    return f"{row['keys']}" if row["keys"] == row["good_keys"] else f"{row['good_keys']} of {row['keys']}"


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@with_settings
def activate(settings: Settings, names: tuple[str, ...]) -> None:
    """Let the mail of users count again."""
    _set_active(settings, names, True)


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@with_settings
def deactivate(settings: Settings, names: tuple[str, ...]) -> None:
    """Drop the mail of users in silence from now on."""
    _set_active(settings, names, False)


def _set_active(settings: Settings, names: tuple[str, ...], active: bool) -> None:
    from mailproc.database.users import set_active

    with writing(settings) as connection:
        for name in names:
            set_active(connection, name, active)
    done(f"{', '.join(names)}: {'active' if active else 'inactive'}")


@user.command()
@click.argument("name")
@click.option("--stdin", is_flag=True, help="Read it from the first line of stdin.")
@click.option("--remove", is_flag=True, help="Let nobody log in under this name.")
@with_settings
def passwd(settings: Settings, name: str, stdin: bool, remove: bool) -> None:
    """Set the password with which the user NAME logs in at a door; it is asked for twice.

    Never put it on a command line, which everybody on this machine can read.
    """
    from mailproc.database.passwords import set_password

    if stdin and remove:
        raise click.UsageError("--stdin and --remove exclude each other.")
    password = None if remove else _first_line() if stdin else _asked()
    with writing(settings) as connection:
        set_password(connection, name, password)
    done(f"{name} has {'no password' if remove else 'a new password'}")


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_LONGEST_LINE).removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise click.UsageError("The first line of stdin is not UTF-8; write it so.") from None


def _asked() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password; give it with --stdin.")
    password: str = click.prompt("New password", hide_input=True, confirmation_prompt="Once more")
    return password
