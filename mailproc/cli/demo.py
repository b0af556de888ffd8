"""`mailproc demo`: a whole run to look at."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from mailproc.errors import SettingsError


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="An empty folder for it; else a new temporary one.")
def demo(folder: Path | None) -> int:
    """Show a whole run: a Maildir, SQLite, a throw-away GnuPG home, and eight mails of the usual kinds.

    It needs no server and no configuration. The folder stays, to be looked at.
    """
    from mailproc.demo.play import play

    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="mailproc-demo-"))
    elif folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    for line in play(folder.resolve()):
        click.echo(line)
    return os.EX_OK
