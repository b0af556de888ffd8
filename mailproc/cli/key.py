"""`mailproc key`: which OpenPGP keys are our users'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import click

from mailproc.cli.configured import reading, with_settings, writing
from mailproc.cli.listing import Column, Row, done, facts, format_option, listing_options, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from mailproc.database.keys import KeyEntry
    from mailproc.directory import Certificate
    from mailproc.settings import Settings

_LARGEST = 16 * 2**20  # octets of a file; a key with thousands of signatures on it has less than one of them


@click.group()
def key() -> None:
    """Import, list, show, export and remove OpenPGP keys."""


@key.command(name="import")
@click.option("--user", "user", required=True, metavar="NAME", help="Whose keys they are.")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@with_settings
def import_(settings: Settings, user: str, files: tuple[BinaryIO, ...]) -> None:
    """Register the public keys in the FILEs, armored or binary; - is stdin.

    A key that is there already is replaced by the newer copy: with its later expiry, its new subkeys, its revocation. What
    the older one said is kept, for mail that was signed before. An older copy is refused. All are imported, or none.
    """
    from mailproc.database.keys import certificate_of, import_key
    from mailproc.openpgp.merging import merged

    found = [(file.name, certificate) for file in files for certificate in _certificates(file)]
    with writing(settings) as connection:
        for name, each in found:
            try:
                new = import_key(connection, user, each, merge=merged)
            except MailprocError as error:
                raise MailprocError(f"{name}: {error}") from None
            caveat = _caveat(each, certificate_of(connection, each.fingerprint))
            done(f"{each.fingerprint} {'registered' if new else 'replaced'}{caveat}: {', '.join(each.user_ids)}")


def _certificates(file: BinaryIO) -> list[Certificate]:
    from mailproc.openpgp.certificates import read_certificates

    data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise MailprocError(f"{file.name}: more than {_LARGEST} octets are no key")
    try:
        return read_certificates(data)
    except MailprocError as error:
        raise type(error)(f"{file.name}: {error}") from None


def _caveat(certificate: Certificate, registered: bytes) -> str:
    """What is wrong with a key, the worst alone; ``registered`` is all that is now known of it."""
    if certificate.revoked:
        return " (it is revoked)"
    expires = certificate.expires_at
    if expires and expires <= datetime.now(UTC):
        return f" (it expired on {expires:%Y-%m-%d})"
    objection = _objection(registered)
    return f" (nothing that it signs will count: {objection})" if objection else ""


def _objection(certificate: bytes) -> str:
    """Why none of a certificate's keys may sign now, as a verifier would say it; empty where one may."""
    from mailproc.openpgp import standing

    now = int(datetime.now(UTC).timestamp())
    read = list(standing.read_certificates(certificate))
    found = [each.objection(key, now) for each in read for key in each.keys]
    details = dict.fromkeys(objection.detail for objection in found if objection)
    if not read:
        return "one of its keys has a version that verifiers do not agree on"
    return "; ".join(details) if all(found) else ""


@key.command(name="list")
@click.option("--user", "user", metavar="NAME", help="Only this user's.")
@listing_options
@with_settings
def list_(settings: Settings, user: str | None, form: str, limit: int | None) -> None:
    """List all keys, with the days that are left to them."""
    from mailproc.database.keys import list_keys

    columns = [Column("user", 16), Column("fingerprint", 64), Column("left", 9), Column("expires_at")]
    now = datetime.now(UTC)
    with reading(settings) as connection:
        rows = (_row(entry, now) for entry in list_keys(connection, user, limit))
        write(rows if form == "jsonl" else ({**row, "left": _left(row)} for row in rows), columns, form)


def _row(entry: KeyEntry, now: datetime) -> dict[str, object]:
    return {**asdict(entry), "state": entry.state(now), "days_left": entry.days_left(now)}


def _left(row: Row) -> str:
    if row["state"] in ("revoked", "expired"):
        return str(row["state"])
    return "for ever" if row["days_left"] is None else f"{row['days_left']} days"


@key.command()
@click.argument("name", metavar="FINGERPRINT|KEYID")
@format_option
@with_settings
def show(settings: Settings, name: str, form: str) -> None:
    """Show one key: its user ids, its subkeys, and all names by which a signature may call it."""
    from mailproc.database.keys import certificate_of, show_key

    with reading(settings) as connection:
        entry, names = show_key(connection, name)
        certificate = certificate_of(connection, entry.fingerprint)
    row = {**_row(entry, datetime.now(UTC)), "names": names, **_contents(certificate)}
    facts(row if form == "jsonl" else _lines(row), form)


def _contents(certificate: bytes) -> dict[str, object]:
    """What its owner says in a certificate, checked anew; nothing where neither verifier is there, or takes it any longer."""
    from mailproc.openpgp.certificates import read_certificates

    try:
        (read,) = read_certificates(certificate)
    except MailprocError:
        return {"made_at": None, "user_ids": [], "subkeys": []}
    fingerprints = [each for each in read.names if len(each) == len(read.fingerprint)]
    return {"made_at": read.created_at, "user_ids": read.user_ids, "subkeys": fingerprints[1:]}


def _lines(row: Row) -> Row:
    """The same for a person: one line for each user id, of which any may hold blanks."""
    ids = row["user_ids"]
    assert isinstance(ids, Sequence)  # noqa: S101 - `_contents` has made it
    numbered = {f"user id {number}" if len(ids) > 1 else "user id": each for number, each in enumerate(ids, 1)}
    return {name: value for name, value in row.items() if name != "user_ids"} | numbered


@key.command()
@click.argument("names", nargs=-1, required=True, metavar="FINGERPRINT|KEYID...")
@with_settings
def export(settings: Settings, names: tuple[str, ...]) -> None:
    """Write keys to stdout, armored, as gpg --import and key import take them."""
    from mailproc.database.keys import certificate_of
    from mailproc.openpgp.armor import armored

    with reading(settings) as connection:
        certificates = [certificate_of(connection, name) for name in names]
    for certificate in certificates:
        print(armored(certificate))


@key.command()
@click.argument("names", nargs=-1, required=True, metavar="FINGERPRINT|KEYID...")
@with_settings
def remove(settings: Settings, names: tuple[str, ...]) -> None:
    """Forget keys: what they sign from now on is rejected as signed by nobody we know."""
    from mailproc.database.keys import remove_key

    with writing(settings) as connection:
        removed = [remove_key(connection, name) for name in names]
    done(f"{', '.join(removed)} removed")
