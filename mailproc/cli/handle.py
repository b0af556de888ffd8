"""`mailproc handle`: empty the maildrops."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.configured import refuse_another_user, with_settings
from mailproc.cli.duration import Duration
from mailproc.cli.listing import done

if TYPE_CHECKING:
    from mailproc.run import Run
    from mailproc.settings import Settings

_WORTH_A_BAR = 20  # messages


class _Bar:
    """A progress bar on a terminal, as soon as there is enough to do that somebody would ask."""

    def __init__(self) -> None:
        self._context: AbstractContextManager[Any] | None = None
        self._bar: Any = None
        self._expected = 0
        self._finished = 0

    def __call__(self, finished: Sequence[str], expected: int) -> None:
        """How messages ended, and how many more are expected."""
        self._expected += expected
        self._finished += len(finished)
        if self._bar is None and self._expected >= _WORTH_A_BAR:
            self._context = click.progressbar(length=self._expected, label="Handling", file=sys.stderr, show_pos=True)
            self._bar = self._context.__enter__()
        if self._bar is not None:
            self._bar.length = max(self._expected, self._finished)
            self._bar.update(self._finished - self._bar.pos)

    def close(self) -> None:
        """End the line of the bar."""
        if self._context is not None:
            self._context.__exit__(None, None, None)


@click.command()
@click.option("--maildrop", "maildrops", multiple=True, metavar="NAME", help="Only this maildrop; may be given again.")
@click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="At most so many messages.")
@click.option("--max-time", type=Duration(), metavar="TIME", help='Begin no further chunk after TIME, as "10 min".')
@click.option("--wait", is_flag=True, help="Wait for another run to end instead of giving up.")
@click.option("--dry-run", is_flag=True, help="Print what would be decided; change and send nothing.")
@click.option("--fail-on-oops", is_flag=True, help="Exit with 70 when a message failed.")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", help="How a dry run is printed.")
@with_settings
def handle(
    settings: Settings,
    maildrops: Sequence[str],
    limit: int | None,
    max_time: timedelta | None,
    wait: bool,
    dry_run: bool,
    fail_on_oops: bool,
    form: str,
) -> int:
    """Empty the maildrops: fetch, decide, hand over, record, delete, answer.

    Says nothing when all is well and there is no terminal. A file named stop in the state folder keeps it from starting
    anything; on SIGTERM it finishes the message in hand and ends within 10 seconds.

    \b
    Exit status:
       0  the run did its work, also when messages were rejected or failed
      70  a bug of ours outside of a message; with --fail-on-oops, a message
          failed
      75  another run is at work, or a maildrop, the archive or the database
          is away
      77  a login was refused
      78  the configuration, the schema or a plugin is not usable
    """
    refuse_another_user(settings)
    if dry_run:
        return _rehearse(settings, maildrops, limit, form)
    from mailproc.exits import gravest
    from mailproc.run import Run

    run = Run(settings, maildrops, limit, max_time.total_seconds() if max_time else None, wait)
    status = with_bar(run)
    done(_summary(run, status))
    return gravest([status, os.EX_SOFTWARE]) if fail_on_oops and run.ended["failed"] else status


def with_bar(run: Run) -> int:
    """Have a run do its work, with a bar on a terminal; answers its exit status."""
    bar = _Bar()
    if sys.stderr.isatty():
        run.progress = bar
    try:
        return run.run()
    finally:
        bar.close()


def _rehearse(settings: Settings, maildrops: Sequence[str], limit: int | None, form: str) -> int:
    from mailproc.cli.inspect import write_records
    from mailproc.rehearsal import Rehearsal
    from mailproc.run import chosen

    rehearsal = Rehearsal(settings, limit)
    write_records(rehearsal.records(chosen(settings, maildrops)), form)
    return rehearsal.status


def _summary(run: Run, status: int) -> str:
    """What a person wants to hear at the end."""
    from mailproc.run import counted
    from mailproc.state import State

    state = State(run.settings.state)
    if state.stop_requested:
        return f"Stopped by the file {state.folder / 'stop'}; remove it to go on. {counted(run.ended)}"
    return counted(run.ended) or ("No mail waits." if status == os.EX_OK else "")
