"""`mailproc db`: the schema of the database."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import refuse_another_user, with_settings
from mailproc.cli.listing import Column, done, listing_options, write

if TYPE_CHECKING:
    from mailproc.settings import Settings


@click.group()
def db() -> None:
    """Upgrade the database's schema, or say its version."""


@db.command()
@with_settings
def upgrade(settings: Settings) -> None:
    """Bring the schema, and those of plugins, to what this program needs.

    Creates the SQLite file, the state folder and a local archive where they are missing.
    """
    make_all(settings)


def make_all(settings: Settings) -> None:
    """Make what the configuration names and is missing, and bring the schemas up to date."""
    from datetime import UTC, datetime

    from mailproc import archive
    from mailproc.database import engine, migrations
    from mailproc.shift import nothing_left
    from mailproc.state import State

    refuse_another_user(settings)
    state = State(settings.state)
    new = state.create()
    archive.create(settings.archive)
    database = engine.make_engine(settings.database.url.reveal())
    for line in migrations.upgrade(database, migrations.plugin_migrations()):
        done(line)
    if new and not nothing_left(database, datetime.now(UTC)):  # which only the folder that was lost knew without asking
        state.pending.set()


@db.command()
@listing_options
@with_settings
def current(settings: Settings, form: str, limit: int | None) -> int:
    """Say which version each schema has, and which this program needs; exits with 78 when they differ."""
    from mailproc.database import engine, migrations

    states = migrations.current(engine.make_engine(settings.database.url.reveal()), migrations.plugin_migrations())
    write([asdict(state) for state in states[:limit]], [Column("name"), Column("current"), Column("head")], form)
    return os.EX_OK if all(state.current == state.head for state in states) else os.EX_CONFIG
