"""`mailproc handle`: empty the maildrops."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from mailproc.cli.configured import with_settings
from mailproc.cli.duration import Duration
from mailproc.cli.listing import done, format_option

if TYPE_CHECKING:
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
@click.option("--limit", type=click.IntRange(min=1), help="At most so many messages.")
@click.option("--max-time", type=Duration(), metavar="TIME", help='Begin no further chunk after TIME, as "10 min".')
@click.option("--wait", is_flag=True, help="Wait for the lock of another run instead of giving up.")
@click.option("--dry-run", is_flag=True, help="Print what would be decided; change and send nothing.")
@click.option("--fail-on-oops", is_flag=True, help="Exit with 70 when a message failed.")
@format_option
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

    Exit status: 0 the run did its work; 75 another run is at work, or a maildrop, the archive or the database is away;
    77 a login was refused; 78 the configuration, the schema or a plugin is not usable; 70 with --fail-on-oops.
    """
    from mailproc.run import Run, chosen

    if dry_run:
        from mailproc.cli.inspect import write_records
        from mailproc.rehearsal import rehearse

        write_records(rehearse(settings, chosen(settings, maildrops), limit), form)
        return os.EX_OK
    bar = _Bar()
    run = Run(settings, maildrops, limit, max_time.total_seconds() if max_time else None, wait)
    if sys.stderr.isatty():
        run.progress = bar
    try:
        status = run.run()
    finally:
        bar.close()
    if run.ended:
        done(", ".join(f"{number} {disposition}" for disposition, number in sorted(run.ended.items())))
    if status == os.EX_OK and fail_on_oops and run.ended["failed"]:
        return os.EX_SOFTWARE
    return status
