"""The configuration of the command at hand, and its database."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from mailproc import logs
from mailproc.cli.lazy import CONFIG

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.orm import Session

    from mailproc.settings import Settings

_P = ParamSpec("_P")
_R = TypeVar("_R")


def with_settings(command: Callable[Concatenate[Settings, _P], _R]) -> Callable[_P, _R]:
    """Hand the configuration to a command as its first argument; from here on the log file is written too."""

    @functools.wraps(command)
    def configured(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return command(settings_of(click.get_current_context()), *args, **kwargs)

    return configured


def settings_of(ctx: click.Context) -> Settings:
    """The configuration; raises `SettingsError` without one."""
    from mailproc.settings import load  # not for --help

    settings = load(ctx.meta.get(CONFIG), os.environ)
    if settings.log.file and not _foreign(settings):
        logs.to_file(settings.log.file, settings.log.format)
    return settings


def settings_if_any(ctx: click.Context) -> Settings | None:
    """The configuration, None where there is none; one that is named must be there."""
    from mailproc.settings import find

    return settings_of(ctx) if find(ctx.meta.get(CONFIG), os.environ) else None


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """A connection that only reads; raises `SettingsError` when the schema is old."""
    from mailproc.database import engine

    with _engine(settings) as opened, engine.reading(opened) as connection:
        yield connection


@contextmanager
def writing(settings: Settings) -> Iterator[Connection]:
    """A connection whose transaction is committed at the end; only for the user to whom the database belongs."""
    from mailproc.database import engine

    refuse_another_user(settings)
    with _engine(settings) as opened, engine.writing(opened) as connection:
        yield connection


@contextmanager
def plugin_session(settings: Settings, name: str, *, writes: bool = False) -> Iterator[Session]:
    """A session on a database that has the tables of the shipped plugin ``name``; what it ``writes`` is committed at the end.

    Raises `SettingsError` when it has not, and as `reading` and `writing` do.
    """
    from sqlalchemy.orm import Session

    from mailproc.database.migrations import PluginMigrations, require_current

    folder = Path(__file__).parents[1] / name / "migrations"
    with (writing if writes else reading)(settings) as connection, Session(connection) as session:
        require_current(connection.engine, [PluginMigrations(name, folder)])
        yield session


def refuse_another_user(settings: Settings) -> None:
    """Raise `SettingsError`, with the command to type, when state or SQLite file belong to somebody else."""
    from mailproc.state import owned, refuse_foreign

    refuse_foreign(owned(settings))


def _foreign(settings: Settings) -> bool:
    """Whether the installation is somebody else's: a log file of ours would stop the next run from cron."""
    from mailproc.state import owned

    return any(path.exists() and path.stat().st_uid != os.geteuid() for path in owned(settings))


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    from mailproc.database.engine import make_engine
    from mailproc.database.migrations import require_current

    made = make_engine(settings.database.url.reveal())
    try:
        require_current(made, ())
        yield made
    finally:
        made.dispose()
