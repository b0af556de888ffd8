"""`mailproc watch`: handle mail as soon as it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import refuse_another_user, with_settings
from mailproc.cli.duration import Duration
from mailproc.cli.lazy import CONFIG
from mailproc.cli.listing import safe

if TYPE_CHECKING:
    from mailproc.settings import Settings


class _Line:
    """One line on a terminal that is written anew when it has changed; nothing where there is no terminal."""

    def __init__(self) -> None:
        self._shown = ""

    def __call__(self, text: str) -> None:
        if text != self._shown and sys.stderr.isatty():
            import shutil  # not for --help

            self._shown = text
            sys.stderr.write("\r\x1b[K" + safe(text)[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--poll", type=Duration(), default="60 s", metavar="TIME", show_default=True, help="Between two rounds.")
@with_settings
def watch(settings: Settings, names: Sequence[str], poll: timedelta) -> int:
    """Handle mail as soon as it comes, in the maildrops NAME, or in all.

    A server with IDLE tells us of new mail; files are looked at four times a second, other servers at every round. A round
    is what `mailproc handle` does: also mail that is due again, and answers that wait for the relay. A maildrop that is out
    of reach is tried again at growing intervals while the others are watched.

    SIGTERM and Ctrl-C let the message in hand end, within 10 seconds; SIGHUP reads the configuration again. A file named
    stop in the state folder keeps it from starting anything. Under systemd it says when it is ready, and that it lives.

    \b
    Exit status:
       0  it was told to stop
      70  a bug of ours
      78  the configuration, the schema or a plugin is not usable
    """
    refuse_another_user(settings)
    from mailproc.settings import load
    from mailproc.state import State
    from mailproc.systemd import service
    from mailproc.watching.watch import Watch

    State(settings.state).require()
    file = click.get_current_context().meta.get(CONFIG)
    line = _Line()
    try:
        told = service(os.environ)
        return Watch(settings, names, poll.total_seconds(), told, lambda: load(file, os.environ), line).run()
    finally:
        line.close()
