"""The schema of the database: mailproc's own and those that plugins bring, each with a version table of its own.

A schema is a folder of alembic version files. Which version a folder leads to is read from the files without alembic,
because every run that finds mail asks for it; alembic is loaded only to change something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import sqlalchemy.exc

from mailproc.database.engine import create_database, reading
from mailproc.database.failure import one_line
from mailproc.database.revisions import head, joined, revisions_in
from mailproc.errors import MailprocError, SettingsError
from mailproc.failpoints import failpoint

if TYPE_CHECKING:
    from alembic.config import Config

_OURS = "mailproc"
_LOCK = 0x6D61696C70726F63  # "mailproc": the number of PostgreSQL's advisory lock round an upgrade


@dataclass(frozen=True, slots=True)
class PluginMigrations:
    """The schema of a plugin: its name and its folder of alembic version files, which has no ``env.py`` of its own."""

    name: str
    folder: Path

    @property
    def version_table(self) -> str:
        """The table that holds the schema's version."""
        return "mailproc_alembic" if self.name == _OURS else f"alembic_{self.name}"


def _ours() -> PluginMigrations:
    return PluginMigrations(_OURS, _scripts() / "versions")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A schema's version in the database and the one that this program needs; None where there is none yet."""

    name: str
    current: str | None
    head: str | None


def plugin_migrations() -> list[PluginMigrations]:
    """The schemas of the installed plugins (entry points of the group ``mailproc.migrations``), in order of their names.

    The value of an entry point is a package, or a folder as a `Path` or text. Raises `SettingsError` with the plugin's name.
    """
    found = entry_points(group="mailproc.migrations")
    return [PluginMigrations(point.name, _folder_of(point)) for point in sorted(found, key=lambda point: point.name)]


def _folder_of(point: EntryPoint) -> Path:
    if point.name == _OURS:
        raise SettingsError(
            f"plugin {point.name}: its migrations ({point.value}) need another name than ours; rename the entry point"
        )
    try:
        value = point.load()
    except Exception as error:
        raise SettingsError(
            f"plugin {point.name}: its migrations ({point.value}) do not import: {error!r}; mend or remove it"
        ) from error
    folder = Path(value if isinstance(value, str | Path) else next(iter(getattr(value, "__path__", ())), "."))
    if folder == Path() or not folder.is_dir():
        raise SettingsError(f"plugin {point.name}: its migrations ({point.value}) are no folder; give a package or a Path")
    return folder


def current(engine: sa.Engine, plugins: Sequence[PluginMigrations]) -> list[SchemaState]:
    """The state of mailproc's schema and of each plugin's."""
    schemas = (_ours(), *plugins)
    with reading(engine) as connection:
        return [SchemaState(each.name, _version_in(connection, each), head(each.folder)) for each in schemas]


def require_current(engine: sa.Engine, plugins: Sequence[PluginMigrations]) -> None:
    """Raise `SettingsError` unless every schema is at the version that this program needs."""
    for schema, state in zip((_ours(), *plugins), current(engine, plugins), strict=True):
        if state.current != state.head:
            _refuse_newer(schema, state.current)
            raise SettingsError(
                f"the schema of {state.name} is at {state.current or 'nothing'}, "
                f"this program needs {state.head or 'nothing'}; type: mailproc db upgrade"
            )


def _refuse_newer(schema: PluginMigrations, version: str | None) -> None:
    unknown = set((version or "").split(",")) - {""} - revisions_in(schema.folder).keys()
    if unknown:
        raise SettingsError(
            f"the schema of {schema.name} is at {version}, which this program does not know; install the version that made it"
        )


def _refuse_gaps(schema: PluginMigrations) -> None:
    revisions = revisions_in(schema.folder)
    missing = {name for names in revisions.values() for name in names} - revisions.keys()
    if missing:
        names = ", ".join(sorted(missing))
        raise SettingsError(f"the migrations of {schema.name} in {schema.folder}: there is no {names}; install it anew")


def upgrade(engine: sa.Engine, plugins: Sequence[PluginMigrations]) -> list[str]:
    """Bring every schema to the version that this program needs; answers one line for each migration that ran.

    An SQLite file and its folder are created where they are missing. Two upgrades at once do not meet: the second waits
    and finds nothing to do. A migration that dies leaves its schema as it was before. Raises `SettingsError` when a folder of
    versions is not usable or we may not create tables, and what the database said when a migration itself is wrong.
    """
    create_database(engine)
    done: list[str] = []
    with _alone(engine) as connection:
        for schema in (_ours(), *plugins):
            _refuse_gaps(schema)
            _refuse_newer(schema, _version_in(connection, schema))
            connection.rollback()
            done += _upgrade_one(connection, schema)
    return done


def _upgrade_one(connection: sa.Connection, schema: PluginMigrations) -> list[str]:
    from alembic import command
    from alembic.util import CommandError

    done: list[str] = []
    try:
        with _transaction_of(connection):
            command.upgrade(alembic_config(connection, schema, done), "heads")
    except CommandError as error:
        raise SettingsError(
            f"the migrations of {schema.name} in {schema.folder}: {error}; mend them or install it anew"
        ) from error
    except sqlalchemy.exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        role = connection.engine.url.username
        raise SettingsError(f"database: {one_line(error)}; type in psql: GRANT CREATE ON SCHEMA public TO {role}") from error
    return done


def alembic_config(connection: sa.Connection, schema: PluginMigrations | None = None, done: list[str] | None = None) -> Config:
    """A configuration with which alembic works on one schema, mailproc's own unless told; ``done`` collects what ran."""
    from alembic.config import Config

    config = Config()
    schema = schema or _ours()
    config.set_main_option("script_location", _escaped(_scripts()))
    config.set_main_option("version_locations", _escaped(schema.folder))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = schema.version_table
    config.attributes["on_version_apply"] = partial(_applied, schema.name, [] if done is None else done)
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _applied(name: str, done: list[str], *, step: Any, **_: object) -> None:
    failpoint("migrate")  # the migration ran, and neither it nor its version is committed
    revision = step.up_revision
    done.append(f"{name}: {revision.revision} {revision.doc}")


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that upgrades alone."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with _without_foreign_keys(connection):
                yield connection
            return
        connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
        connection.commit()
        try:
            yield connection
        finally:
            connection.invalidate()  # the lock is the session's, and ends with it


@contextmanager
def _without_foreign_keys(connection: sa.Connection) -> Iterator[None]:
    # A table that alembic copies is dropped under its old name, and with foreign keys on that deletes every row that refers
    # to it by ON DELETE CASCADE (https://www.sqlite.org/lang_altertable.html, "Making other kinds of table schema changes").
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _transaction_of(connection: sa.Connection) -> Iterator[None]:
    """SQLite: one transaction for the whole schema. PostgreSQL: alembic begins one for each migration."""
    if connection.dialect.name != "sqlite":
        yield
        connection.rollback()
        return
    with connection.begin():  # IMMEDIATE: a second upgrade waits here, before it reads the version
        yield
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise MailprocError(f"a migration left rows of {broken[0]} that refer to nothing in {broken[2]}; mend it")


def _version_in(connection: sa.Connection, schema: PluginMigrations) -> str | None:
    if not connection.dialect.has_table(connection, schema.version_table):
        return None
    version: sa.ColumnClause[str] = sa.column("version_num")
    return joined(connection.scalars(sa.select(version).select_from(sa.table(schema.version_table))))


def _scripts() -> Path:
    """The folder of our ``env.py``: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"
