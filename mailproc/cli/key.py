"""`mailproc key`: which OpenPGP keys are our users'."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

import click

from mailproc.cli.configured import reading, with_settings, writing
from mailproc.cli.listing import Column, done, facts, format_option, listing_options, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from mailproc.directory import Certificate
    from mailproc.settings import Settings

_LARGEST = 16 * 2**20  # octets of a file; a key with thousands of signatures on it has less than one of them


@click.group()
def key() -> None:
    """Import, list, show and remove OpenPGP keys."""


@key.command(name="import")
@click.option("--user", "user", required=True, metavar="NAME", help="Whose keys they are.")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@with_settings
def import_(settings: Settings, user: str, files: tuple[BinaryIO, ...]) -> None:
    """Register the public keys in the FILEs, armored or binary; - is stdin.

    A key that is there already is replaced by the newer copy. All are imported, or none.
    """
    from mailproc.database.keys import import_key

    found = [(file.name, certificate) for file in files for certificate in _certificates(file)]
    with writing(settings) as connection:
        for name, each in found:
            try:
                new = import_key(connection, user, each)
            except MailprocError as error:
                raise MailprocError(f"{name}: {error}") from None
            done(f"{each.fingerprint} {'registered' if new else 'replaced'}{_caveat(each)}: {', '.join(each.user_ids)}")


def _certificates(file: BinaryIO) -> list[Certificate]:
    from mailproc.openpgp.certificates import read_certificates

    data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise MailprocError(f"{file.name}: more than {_LARGEST} octets are no key")
    try:
        return read_certificates(data)
    except MailprocError as error:
        raise type(error)(f"{file.name}: {error}") from None


def _caveat(certificate: Certificate) -> str:
    return " (it is revoked)" if certificate.revoked else ""


@key.command(name="list")
@click.option("--user", "user", metavar="NAME", help="Only this user's.")
@listing_options
@with_settings
def list_(settings: Settings, user: str | None, form: str, limit: int | None) -> None:
    """List all keys."""
    from mailproc.database.keys import list_keys

    columns = [Column("user", 16), Column("fingerprint", 40), Column("revoked", 7), Column("expires_at")]
    with reading(settings) as connection:
        write((asdict(entry) for entry in list_keys(connection, user, limit)), columns, form)


@key.command()
@click.argument("name", metavar="FINGERPRINT|KEYID")
@format_option
@with_settings
def show(settings: Settings, name: str, form: str) -> None:
    """Show one key and all names by which a signature may call it."""
    from mailproc.database.keys import show_key

    with reading(settings) as connection:
        entry, names = show_key(connection, name)
    facts({**asdict(entry), "names": names}, form)


@key.command()
@click.argument("names", nargs=-1, required=True, metavar="FINGERPRINT|KEYID...")
@with_settings
def remove(settings: Settings, names: tuple[str, ...]) -> None:
    """Forget keys: what they sign from now on is rejected as signed by nobody we know."""
    from mailproc.database.keys import remove_key

    with writing(settings) as connection:
        removed = [remove_key(connection, name) for name in names]
    done(f"{', '.join(removed)} removed")
