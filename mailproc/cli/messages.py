"""`mailproc messages`: what became of every mail, and having it processed again."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import reading, refuse_another_user, with_settings
from mailproc.cli.listing import Column, done, facts, format_option, listing_options, write
from mailproc.errors import MailprocError

if TYPE_CHECKING:
    from mailproc.processing.works import Works
    from mailproc.settings import Settings
    from mailproc.worker import Link

log = logging.getLogger("mailproc")

_ENDS = ("handled", "dropped", "rejected", "failed", "deferred", "waiting")

# What is shown below the facts of a message, in tables.
_BELOW = {
    "outbox": [Column("state", 8), Column("recipient", 40), Column("reply")],
    "errands": [Column("state", 8), Column("errand", 40), Column("note")],
}


@click.group()
def messages() -> None:
    """List, show and reprocess messages."""


@messages.command(name="list")
@click.option("--disposition", "dispositions", multiple=True, type=click.Choice(_ENDS), help="Only these; may be given again.")
@click.option("--recipient", metavar="ADDRESS", help="Only those for this address.")
@listing_options
@with_settings
def list_(settings: Settings, dispositions: Sequence[str], recipient: str | None, form: str, limit: int | None) -> None:
    """List the messages, the newest first.

    Each with what became of it and why; a terminal shows as many columns as it has room for.
    """
    from mailproc.database.receipts import list_receipts

    with reading(settings) as connection:
        write(list_receipts(connection, dispositions=dispositions, recipient=recipient, limit=limit), _columns(), form)


def _columns() -> list[Column]:
    """As many as leave room for the reason."""
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    wanted = [
        (0, Column("id", 24)),
        (110, Column("received_at", 20)),
        (0, Column("sender", 20)),
        (140, Column("recipient", 24)),
        (0, Column("disposition", 11)),
        (0, Column("reason")),
    ]
    return [column for at_least, column in wanted if room >= at_least]


@messages.command()
@click.argument("id")
@format_option
@with_settings
def show(settings: Settings, id: str, form: str) -> None:
    """Show all that is known of one message.

    Its mail is at the archive URL. Everybody to whom it was sent comes last, and what was to be done elsewhere, each with what
    became of that.
    """
    from mailproc.database.receipts import show_receipt

    with reading(settings) as connection:
        found = show_receipt(connection, id)
    if found is None:
        raise MailprocError(f"there is no message {id}; type: mailproc messages list")
    if form == "jsonl":
        facts(found, form)
        return
    facts({name: value for name, value in found.items() if name not in _BELOW}, form)
    for name, columns in _BELOW.items():
        if found[name]:
            print()
        write(found[name], columns, form)


@messages.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--failed", is_flag=True, help="All messages that failed, oldest first.")
@with_settings
def reprocess(settings: Settings, ids: Sequence[str], failed: bool) -> int:
    """Run failed or dropped messages again.

    Their mail is read from the archive: for instance when their handler has been mended.

    A message that was handled had its effect and is refused; but what it wanted done elsewhere, and could not be done, is tried
    again. One that waits is refused too: a run takes it up by itself.

    Exit status: 64 when a message was refused, else as of mailproc handle.
    """
    if not ids and not failed:
        raise click.UsageError("name the messages, or say --failed")
    refuse_another_user(settings)
    wanted = [*ids, *(_failed(settings) if failed else [])]
    if not wanted:
        done("No message has failed.")
        return os.EX_OK
    return _supervised(settings, list(dict.fromkeys(wanted)))


def _failed(settings: Settings) -> list[str]:
    from mailproc.database.errands import failed_receipts
    from mailproc.database.receipts import list_receipts

    with reading(settings) as connection:
        failed = [str(row["id"]) for row in list_receipts(connection, dispositions=["failed"])][::-1]
        return [*failed, *failed_receipts(connection)]


def _supervised(settings: Settings, ids: Sequence[str]) -> int:
    """Have a worker run the messages, within the bounds of a run; the next worker goes on after the one that died."""
    from mailproc.state import State
    from mailproc.supervisor import Bounds, Supervisor

    state = State(settings.state)
    state.require()
    with state.owning() as owner:

        def work(link: Link, deaths: Mapping[str, str]) -> int:
            os.close(owner.descriptor)  # what a handler starts must not keep the lock
            tried = max((ids.index(id) + 1 for id in deaths if id in ids), default=0)
            return _run_again(settings, owner.id, link, ids[tried:])

        return Supervisor(work, Bounds(settings.limits.message_time, settings.limits.memory)).run()


def _run_again(settings: Settings, owner_id: str, link: Link, ids: Sequence[str]) -> int:
    from mailproc.app import make_relay, make_works
    from mailproc.exits import gravest
    from mailproc.processing.performing import perform
    from mailproc.processing.sending import flush

    statuses: list[int] = []
    with _noted(statuses):
        works = make_works(settings, owner_id, watch=link)
        for id in ids:
            with _noted(statuses):
                _one_again(works, id)
        with _noted(statuses):
            flush(works, make_relay(settings))
        perform(works)
    return gravest(statuses)


def _one_again(works: Works, id: str) -> None:
    from mailproc.processing.reworking import reprocess as run_again

    if not works.watch.stopping():
        done(f"{id}: {run_again(works, id) or 'interrupted'}")


@contextmanager
def _noted(statuses: list[int]) -> Iterator[None]:
    """Log an error of ours and note its status: what comes after goes on."""
    from mailproc.exits import exit_status

    try:
        yield
    except MailprocError as error:
        log.error("%s", error)
        statuses.append(exit_status(error))
