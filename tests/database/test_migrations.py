"""Migrations: they make exactly the tables that the program uses, whole or not at all, and each plugin has its own."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mailproc.database import migrations, outbox, tables
from mailproc.database.engine import create_database, make_engine, reading, writing
from mailproc.database.migrations import PluginMigrations, SchemaState, alembic_config, current, require_current, upgrade
from mailproc.database.outbox import Post
from mailproc.database.tables import metadata
from mailproc.errors import MailprocError, SettingsError

CHECKOUT = Path(__file__).parents[2]

OURS = [
    "mailproc: 0001 the first tables",
    "mailproc: 0002 what is told at a door, and who may log in there",
    "mailproc: 0003 mails that go on, things to be done elsewhere, and what the report has told",
]

FIRST = '''
"""notebooks and notes"""
import sqlalchemy as sa
from alembic import op
revision = "n1"
down_revision = None

def upgrade():
    op.create_table("notebook", sa.Column("name", sa.Text, primary_key=True), sa.Column("title", sa.Integer))
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("notebook", sa.Text, sa.ForeignKey("notebook.name", ondelete="CASCADE"), nullable=False))
'''
SECOND = '''
"""titles are texts"""
import sqlalchemy as sa
from alembic import op
revision: str = "n2"
down_revision: str = "n1"

def upgrade():
    with op.batch_alter_table("notebook") as batch:
        batch.alter_column("title", type_=sa.Text)
'''
BROKEN = '''
"""half a step"""
import sqlalchemy as sa
from alembic import op
revision = "n3"
down_revision = "n2"

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nosuch VALUES (1)")
'''


@pytest.fixture
def url(kind, request, tmp_path):
    """The URL of a database with mailproc's own schema in it and nothing else, whatever plugins are installed."""
    url = f"sqlite:///{tmp_path}/own.db" if kind == "sqlite" else request.getfixturevalue("postgresql").create_database()
    engine = make_engine(url)
    upgrade(engine, [])
    engine.dispose()
    return url


@pytest.fixture
def notes(tmp_path):
    """The schema of a plugin, in a folder whose name needs care."""
    folder = tmp_path / "100% of notes, versions"
    folder.mkdir()
    (folder / "n1.py").write_text(FIRST)
    return PluginMigrations("notes", folder)


def schema_of(engine):
    """All that a database says of its tables, but for the version tables."""
    inspector = sa.inspect(engine)
    described = {}
    for table in sorted(set(inspector.get_table_names()) - {"mailproc_alembic"}):
        columns = inspector.get_columns(table)
        described[table] = {
            "columns": [(column["name"], str(column["type"]), column["nullable"], column["default"]) for column in columns],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": inspector.get_foreign_keys(table),
            "unique": inspector.get_unique_constraints(table),
            "indexes": sorted(map(_index, inspector.get_indexes(table)), key=lambda index: index["name"]),
        }
    return described


def _index(index):
    """An index in words: the condition of a partial one is an object that equals nothing but itself."""
    return {**index, "dialect_options": {name: str(value) for name, value in index.get("dialect_options", {}).items()}}


def test_migrations_make_what_the_program_uses(engine, empty_engine):
    """A migrated database and one made from the tables of the program say the same of every table, key and index."""
    create_database(empty_engine)
    with writing(empty_engine) as connection:
        metadata.create_all(connection)
    assert schema_of(engine) == schema_of(empty_engine)


def test_alembic_sees_no_difference(engine):
    """``alembic check`` would be content."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "mailproc_alembic"})
        assert compare_metadata(context, metadata) == []


def test_up_down_and_up_again(empty_engine):
    """A downgrade leaves nothing, and the next upgrade makes the same as the first."""
    upgrade(empty_engine, [])
    first = schema_of(empty_engine)
    with empty_engine.connect() as connection:
        command.downgrade(alembic_config(connection), "base")
        connection.commit()
    assert schema_of(empty_engine) == {}
    upgrade(empty_engine, [])
    assert schema_of(empty_engine) == first


def test_mails_in_the_outbox_keep_their_bytes_up_and_down(empty_engine):
    """Whatever was sent, refused or waits has its bytes, its state and its number in either form of the tables."""
    create_database(empty_engine)
    migrate(empty_engine, "upgrade", "0002")
    old = sa.Table("mailproc_outbox", sa.MetaData(), autoload_with=empty_engine)
    raws = [b"From: us\r\n\r\n\0\xff\r\n", b"", bytes(range(256)) * 1000]
    with writing(empty_engine) as connection:
        ids = [connection.scalar(sa.insert(old).returning(old.c.id).values(**an_old_mail(raw))) for raw in raws]
        connection.execute(sa.update(old).where(old.c.id == ids[1]).values(failed_at=LONG_AGO, reply="550 no"))
        before = connection.execute(sa.select(old).order_by(old.c.id)).all()
    migrate(empty_engine, "upgrade", "0003")
    with writing(empty_engine) as connection:
        waiting = [(batch.rows[0].id, batch.raw) for batch in outbox.due(connection, LONG_AGO, 10)]
        assert waiting == [(ids[0], raws[0]), (ids[2], raws[2])]
        reported = sa.select(tables.outbox.c.id).where(tables.outbox.c.reported_at.is_not(None))
        assert connection.scalars(reported).all() == [ids[1]]
        ids += outbox.queue(connection, [Post(b"new", "", ["b@example.net"], "<2@us>")], receipt_id="r", now=LONG_AGO)
    migrate(empty_engine, "downgrade", "0002")
    with writing(empty_engine) as connection:
        after = connection.execute(sa.select(old).order_by(old.c.id)).all()
        assert (after[:3], after[3].id, after[3].raw) == (before, ids[3], b"new")
    upgrade(empty_engine, [])
    with reading(empty_engine) as connection:
        stored = connection.execute(sa.select(tables.outbox.c.id, tables.letter.c.raw).join(tables.letter))
        assert dict(map(tuple, stored)) == dict(zip(ids, [*raws, b"new"], strict=True))


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def an_old_mail(raw):
    """A row of the outbox as it was when it held the bytes."""
    path = {"receipt_id": "r", "reverse_path": "", "recipient": "a@example.net", "message_id": "<1@us>"}
    return {**path, "answer": False, "raw": raw, "created_at": LONG_AGO, "attempts": 2, "claim": 0}


def migrate(engine, how, revision):
    """Bring our own tables up or down to a revision."""
    with engine.connect() as connection:
        getattr(command, how)(alembic_config(connection), revision)
        connection.commit()


def test_an_upgrade_says_what_it_did_and_the_next_does_nothing(empty_engine, notes):
    """One line for each migration; a second upgrade has none."""
    assert upgrade(empty_engine, [notes]) == [*OURS, "notes: n1 notebooks and notes"]
    assert upgrade(empty_engine, [notes]) == []


def test_an_upgrade_prints_nothing(empty_engine, notes, capfd, caplog):
    """alembic is quiet."""
    upgrade(empty_engine, [notes])
    assert capfd.readouterr() == ("", "")


def test_each_schema_has_a_version_table_of_its_own(empty_engine, notes):
    """The versions of a plugin do not mix with ours."""
    upgrade(empty_engine, [notes])
    assert current(empty_engine, [notes]) == [SchemaState("mailproc", "0003", "0003"), SchemaState("notes", "n1", "n1")]
    assert {"mailproc_alembic", "alembic_notes", "note"} <= set(sa.inspect(empty_engine).get_table_names())


def test_a_database_without_a_schema_is_refused(empty_engine):
    """The one line names both versions and the command to type."""
    create_database(empty_engine)
    with pytest.raises(
        SettingsError, match=r"^the schema of mailproc is at nothing, this program needs 0003; type: mailproc db upgrade$"
    ):
        require_current(empty_engine, [])


def test_a_plugin_that_is_behind_is_refused_by_its_name(engine, notes):
    """A plugin whose newest version is not in the database stops the program."""
    upgrade(engine, [notes])
    require_current(engine, [notes])
    (notes.folder / "n2.py").write_text(SECOND)
    with pytest.raises(
        SettingsError, match=r"^the schema of notes is at n1, this program needs n2; type: mailproc db upgrade$"
    ):
        require_current(engine, [notes])
    assert upgrade(engine, [notes]) == ["notes: n2 titles are texts"]
    require_current(engine, [notes])


def test_a_database_of_a_newer_version_is_refused(engine, notes):
    """An older program does not send the operator to an upgrade that cannot help."""
    (notes.folder / "n2.py").write_text(SECOND)
    upgrade(engine, [notes])
    (notes.folder / "n2.py").unlink()
    for asked in (require_current, upgrade):
        with pytest.raises(SettingsError, match="notes is at n2, which this program does not know; install the version"):
            asked(engine, [notes])


def test_a_table_that_is_copied_keeps_the_rows_that_refer_to_it(engine, notes):
    """Altering a column on SQLite drops the old table, and its children stay all the same."""
    upgrade(engine, [notes])
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO notebook VALUES ('diary', 1)")
        connection.exec_driver_sql("INSERT INTO note VALUES (1, 'diary')")
    (notes.folder / "n2.py").write_text(SECOND)
    upgrade(engine, [notes])
    with writing(engine) as connection:
        assert connection.exec_driver_sql("SELECT * FROM note").all() == [(1, "diary")]
        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql("INSERT INTO note VALUES (2, 'nosuch')")


def test_sqlite_migrations_may_not_leave_dangling_rows(tmp_path, notes):
    """A migration that breaks a foreign key is rolled back with a line that names the table."""
    engine = make_engine(f"sqlite:///{tmp_path}/a.db")
    (notes.folder / "n1.py").write_text(FIRST + "    op.execute(\"INSERT INTO note VALUES (1, 'nosuch')\")\n")
    with pytest.raises(MailprocError, match="rows of note that refer to nothing in notebook"):
        upgrade(engine, [notes])
    assert "note" not in sa.inspect(engine).get_table_names()


def test_a_migration_that_fails_leaves_nothing_half(engine, notes):
    """What a broken migration did before its error is taken back, and what came before it can be run again."""
    (notes.folder / "n2.py").write_text(SECOND)
    upgrade(engine, [notes])
    (notes.folder / "n3.py").write_text(BROKEN)
    with pytest.raises(sa.exc.DBAPIError, match="nosuch"):
        upgrade(engine, [notes])
    assert "half" not in sa.inspect(engine).get_table_names()
    assert current(engine, [notes])[1].current == "n2"


def test_what_came_before_a_broken_migration_stays_on_postgresql(postgresql, notes):
    """Each migration has a transaction of its own there, so that one may also build an index outside of any."""
    engine = make_engine(postgresql.create_database())
    (notes.folder / "n2.py").write_text(SECOND)
    (notes.folder / "n3.py").write_text(BROKEN)
    with pytest.raises(sa.exc.DBAPIError, match="nosuch"):
        upgrade(engine, [notes])
    assert current(engine, [notes])[1].current == "n2"
    engine.dispose()


def test_an_upgrade_that_is_killed_leaves_nothing_half(empty_engine, empty_url):
    """A SIGKILL between a migration and its commit leaves the old schema, and the next upgrade runs through."""
    done = in_another_process(empty_url, MAILPROC_FAILPOINT="migrate:kill")
    assert done.wait() == -signal.SIGKILL
    assert schema_of(empty_engine) == {}
    assert upgrade(empty_engine, []) == OURS


def test_two_upgrades_at_once_do_the_work_once(empty_engine, empty_url):
    """Of processes that upgrade at the same time one does it, and the others wait and find nothing to do."""
    running = [in_another_process(empty_url) for _ in range(3)]
    said = sorted(process.communicate()[0] for process in running)
    assert said == ["", "", "".join(f"{line}\n" for line in OURS)]
    assert [process.returncode for process in running] == [0, 0, 0]
    require_current(empty_engine, [])


def in_another_process(url, **environment):
    """Start an upgrade in a process of its own."""
    script = (
        "import sys\nfrom mailproc.database.engine import make_engine\nfrom mailproc.database.migrations import upgrade\n"
        "for line in upgrade(make_engine(sys.argv[1]), []): print(line)"
    )
    command = [sys.executable, "-c", script, url]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)


def test_who_may_not_create_tables_is_told_the_grant(postgresql):
    """A role without rights on the schema gets one line with the fix."""
    url = postgresql.create_database()
    postgresql.execute("DROP ROLE IF EXISTS visitor")
    postgresql.execute("CREATE ROLE visitor LOGIN")
    engine = make_engine(sa.make_url(url).set(username="visitor").render_as_string())
    with pytest.raises(SettingsError, match=r"permission denied.*GRANT CREATE ON SCHEMA public TO visitor") as caught:
        upgrade(engine, [])
    assert "\n" not in str(caught.value)
    engine.dispose()


def test_a_folder_that_alembic_cannot_use_names_the_plugin(engine, notes):
    """A version that comes after nothing that is there is the plugin's fault."""
    (notes.folder / "n1.py").unlink()
    (notes.folder / "n2.py").write_text(SECOND)
    with pytest.raises(SettingsError, match=r"the migrations of notes in .*: there is no n1"):
        upgrade(engine, [notes])


def test_several_heads_are_all_needed(engine, notes):
    """A folder with two newest versions is current when both are in."""
    (notes.folder / "a2.py").write_text('revision = "a2"\ndown_revision = ("n1",)\ndef upgrade(): pass\n')
    (notes.folder / "b2.py").write_text('revision = "b2"\ndown_revision = "n1"\ndef upgrade(): pass\n')
    (notes.folder / "__init__.py").write_text('"""No version."""\n')
    upgrade(engine, [notes])
    assert current(engine, [notes])[1] == SchemaState("notes", "a2,b2", "a2,b2")


def test_asking_for_the_version_does_not_load_alembic(url):
    """Every run that finds mail asks, so the question must be cheap."""
    script = (
        "import sys\nfrom mailproc.database.engine import make_engine\n"
        "from mailproc.database.migrations import require_current\n"
        "require_current(make_engine(sys.argv[1]), [])\nassert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, url], check=True, cwd=CHECKOUT)


def entry_point(monkeypatch, value):
    """Have one plugin installed whose migrations are this value."""
    point = EntryPoint("notes", value, "mailproc.migrations")
    monkeypatch.setattr(migrations, "entry_points", lambda group: [point])


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin on the path."""
    (tmp_path / "noteplugin" / "versions").mkdir(parents=True)
    (tmp_path / "noteplugin" / "__init__.py").write_text(
        "from pathlib import Path\nFOLDER = Path(__file__).parent / 'versions'\n"
        "TEXT = str(FOLDER)\nNUMBER = 1\nNOWHERE = 'nowhere'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "noteplugin" / "versions"
    for name in [name for name in sys.modules if name.startswith("noteplugin")]:
        del sys.modules[name]


@pytest.mark.parametrize("value", ["noteplugin.versions", "noteplugin:FOLDER", "noteplugin:TEXT"])
def test_a_plugin_names_a_package_or_a_folder(monkeypatch, plugin, value):
    """The entry point's value may be a package, with or without an ``__init__.py``, a path or a text."""
    entry_point(monkeypatch, value)
    assert migrations.plugin_migrations() == [PluginMigrations("notes", plugin)]


@pytest.mark.parametrize("value", ["nosuchplugin.versions", "noteplugin:NUMBER", "noteplugin:NOWHERE", "noteplugin:MISSING"])
def test_a_plugin_without_a_folder_is_refused_by_its_name(monkeypatch, plugin, value):
    """A value that leads to no folder stops the program before any mail is touched."""
    entry_point(monkeypatch, value)
    with pytest.raises(SettingsError, match=r"^plugin notes: its migrations"):
        migrations.plugin_migrations()


def test_migrations_run_from_an_installed_wheel(tmp_path, empty_url):
    """The wheel carries the migrations inside the package, and they run from there."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", tmp_path / "site", wheel]
    subprocess.run(pip, check=True)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from mailproc.database import migrations\nfrom mailproc.database.engine import make_engine\n"
        "print(migrations.__file__)\nprint(migrations.upgrade(make_engine(sys.argv[1]), []))"
    )
    done = subprocess.run([sys.executable, "-c", script, empty_url], cwd=tmp_path, check=True, capture_output=True, text=True)
    file, said = done.stdout.splitlines()
    assert file.startswith(str(tmp_path / "site"))
    assert said == str(OURS)


def test_an_upgrade_waits_for_the_one_that_runs(postgresql, notes):
    """On PostgreSQL the lock is the session's, and is free again after an upgrade that failed."""
    engine = make_engine(postgresql.create_database())
    (notes.folder / "n1.py").write_text(BROKEN)
    with pytest.raises(SettingsError):
        upgrade(engine, [notes])
    upgrade(engine, [])
    deadline = time.monotonic() + 10
    while advisory_locks(engine) and time.monotonic() < deadline:
        time.sleep(0.02)  # the server ends a session after its client has gone
    assert advisory_locks(engine) == 0
    engine.dispose()


def advisory_locks(engine):
    """How many there are in this database."""
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with reading(engine) as connection:
        return connection.scalar(sa.text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}"))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_character_is_refused(postgresql, encoding):
    """One recipient outside of its encoding would stop every run, and with SQL_ASCII the driver answers bytes."""
    name = f"narrow_{encoding.lower()}"
    postgresql.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
    engine = make_engine(postgresql.url(name))
    said = f"^database {name}: its encoding is {encoding}; create it with ENCODING 'UTF8'$"
    for ask in (upgrade, require_current):
        with pytest.raises(SettingsError, match=said):
            ask(engine, [])
    engine.dispose()
