"""`mailproc oops`: the records of our faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import reading, with_settings, writing
from mailproc.cli.duration import Duration
from mailproc.cli.listing import Column, Row, done, facts, format_option, listing_options, safe, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from mailproc.database.oopses import Counted
    from mailproc.settings import Settings

_LISTED = ("id", "signature", "exception", "message_id", "recipient", "created_at")


@click.group()
def oops() -> None:
    """List, show and prune the records of our faults."""


@oops.command(name="list")
@click.option("--signature", metavar="TEXT", help="Only those of this signature.")
@listing_options
@with_settings
def list_(settings: Settings, signature: str | None, form: str, limit: int | None) -> None:
    """List all OOPSes, the newest first; COUNT says how many share a signature."""
    from mailproc.database.oopses import list_oopses

    columns = [Column("id", 32), Column("created_at", 20), Column("count", 5), Column("exception")]
    with reading(settings) as connection:
        write(_rows(list_oopses(connection, signature=signature, limit=limit)), columns, form)


def _rows(found: Iterator[Counted]) -> Iterator[Row]:
    for counted in found:
        record = asdict(counted.oops)
        yield {**{name: record[name] for name in _LISTED}, "count": counted.count}


@oops.command(name="show")
@click.argument("id", metavar="OOPS-ID")
@format_option
@with_settings
def show_(settings: Settings, id: str, form: str) -> None:
    """Show one OOPS with its traceback, and where its mail is kept."""
    from mailproc.database.oopses import show

    with reading(settings) as connection:
        found = show(connection, id)
    if found is None:
        raise MailprocError(f"there is no {id}; type: mailproc oops list")
    record = asdict(found)
    if form == "jsonl":
        facts(record, form)
        return
    traceback = record.pop("traceback")
    facts(record, form)
    print()
    for line in traceback.splitlines():  # indented, so that no line of it passes for a fact
        print((" " * min(4 + len(line) - len(line.lstrip(" ")), 40) + safe(line)).rstrip())


@oops.command(name="prune")
@click.option("--older-than", type=Duration(), required=True, metavar="TIME", help='As "90 d".')
@with_settings
def prune_(settings: Settings, older_than: timedelta) -> None:
    """Forget the OOPSes that are older than TIME; their mails stay in the archive."""
    from mailproc.database.oopses import prune

    with writing(settings) as connection:
        number = prune(connection, datetime.now(UTC) - older_than)
    done(f"{number} forgotten")
