"""`mailproc messages`: what became of every mail, and having it processed again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import reading, refuse_another_user, with_settings
from mailproc.cli.listing import Column, done, facts, format_option, listing_options, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from mailproc.settings import Settings

_ENDS = ("handled", "dropped", "rejected", "failed", "deferred", "waiting")


@click.group()
def messages() -> None:
    """List, show and reprocess messages."""


@messages.command(name="list")
@click.option("--disposition", "dispositions", multiple=True, type=click.Choice(_ENDS), help="Only these; may be given again.")
@click.option("--recipient", metavar="ADDRESS", help="Only those for this address.")
@listing_options
@with_settings
def list_(settings: Settings, dispositions: Sequence[str], recipient: str | None, form: str, limit: int | None) -> None:
    """List the messages, the newest first, each with what became of it and why."""
    from mailproc.database.receipts import list_receipts

    columns = [
        Column("id", 24),
        Column("received_at", 20),
        Column("sender", 24),
        Column("recipient", 24),
        Column("disposition", 11),
        Column("reason"),
    ]
    with reading(settings) as connection:
        write(list_receipts(connection, dispositions=dispositions, recipient=recipient, limit=limit), columns, form)


@messages.command()
@click.argument("id")
@format_option
@with_settings
def show(settings: Settings, id: str, form: str) -> None:
    """Show all that is known of one message; its mail is at the archive URL."""
    from mailproc.database.receipts import show_receipt

    with reading(settings) as connection:
        found = show_receipt(connection, id)
    if found is None:
        raise MailprocError(f"there is no message {id}; mailproc messages list shows them")
    facts(found, form)


@messages.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--failed", is_flag=True, help="All messages that failed.")
@with_settings
def reprocess(settings: Settings, ids: Sequence[str], failed: bool) -> int:
    """Run failed or dropped messages again, from the archive.

    A message that was handled had its effect and is refused; so is one that waits, which a run takes up by itself.
    """
    if not ids and not failed:
        raise click.UsageError("name the messages, or say --failed")
    from mailproc.app import make_relay, make_works
    from mailproc.database.receipts import list_receipts
    from mailproc.processing.reworking import reprocess as run_again
    from mailproc.processing.sending import flush
    from mailproc.state import State

    refuse_another_user(settings)
    state = State(settings.state)
    state.require()
    with state.owning() as owner:
        works = make_works(settings, owner.id)
        if failed:
            with reading(settings) as connection:
                ids = [*ids, *(str(row["id"]) for row in list_receipts(connection, dispositions=["failed"]))]
        ends = [(id, run_again(works, id)) for id in ids]
        flush(works, make_relay(settings))
    for id, end in ends:
        done(f"{id}  {end or 'interrupted'}")
    return os.EX_OK
