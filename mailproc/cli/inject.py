"""`mailproc inject`: handle mail in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import filterfalse
from typing import TYPE_CHECKING

import click

from mailproc.cli.addresses import address, is_storable, reverse_path
from mailproc.cli.configured import with_settings
from mailproc.cli.handle import with_bar
from mailproc.cli.listing import done, safe

if TYPE_CHECKING:
    from mailproc.settings import Settings


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-r", "--recipient", "recipients", multiple=True, metavar="ADDRESS", help="For whom all of it is; else its header says so."
)
@click.option("-f", "--sender", metavar="ADDRESS", help="The reverse path of all of it; '' and <> are the null path.")
@click.option("--mbox/--no-mbox", default=None, help="Whether each FILE is an mbox; else its first line tells.")
@click.option("--spool-only", is_flag=True, help="Only take it in: the next run handles it.")
@with_settings
def inject(
    settings: Settings,
    files: Sequence[str],
    recipients: Sequence[str],
    sender: str | None,
    mbox: bool | None,
    spool_only: bool,
) -> int:
    """Handle mail in files, Maildirs and mbox archives, or from standard input (-). No FILE is changed.

    Without -r the recipient is found as in a maildrop. The time of a file is the arrival of what is in it. A message that
    is known already is not handled again; one that has failed is handled again by `mailproc messages reprocess`. To see
    what would be decided, type `mailproc inspect`.

    \b
    Exit status:
       0  the mail was taken in and worked, also when messages were rejected
          or failed
      66  a FILE, or a message in one, could not be read; the others were worked
      others as of `mailproc handle`
    """
    for_whom, path = [address(each) for each in recipients], None if sender is None else reverse_path(sender)
    for each in filterfalse(is_storable, [*for_whom, path or ""]):
        raise click.UsageError(f"{safe(each)!r} is no address")
    from mailproc.inject import Injection
    from mailproc.state import ready_state

    ready_state(settings)
    injection = Injection(settings, for_whom, path)
    injection.take(files, mbox)
    done(f"{injection.messages} message{'s' * (injection.messages != 1)}, {injection.known} known already")
    status = os.EX_OK if spool_only else _worked(settings)
    return status or (os.EX_NOINPUT if injection.failed else os.EX_OK)


def _worked(settings: Settings) -> int:
    """Have a run work what waits; answers its exit status."""
    from mailproc.run import Run, counted

    run = Run(settings, pending_only=True)
    status = with_bar(run)
    done(counted(run.ended))
    return status
