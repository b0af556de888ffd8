"""How alembic runs the migrations of mailproc and of plugins; `mailproc.database.migrations` hands it everything."""

from alembic import context

given = context.config.attributes

context.configure(
    connection=given["connection"],
    version_table=given["version_table"],
    on_version_apply=given["on_version_apply"],
    render_as_batch=True,  # SQLite cannot alter a column: alembic copies the table
    transaction_per_migration=True,
    transactional_ddl=True,  # on SQLite too, since our connections begin their transactions themselves
)
with context.begin_transaction():
    context.run_migrations()
