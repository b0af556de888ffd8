"""How alembic runs the migrations of mailproc and of plugins; `mailproc.database.migrations` hands it everything."""

from alembic import context

given = context.config.attributes

context.configure(
    connection=given["connection"],
    version_table=given["version_table"],
    on_version_apply=given["on_version_apply"],
    render_as_batch=True,  # SQLite cannot alter a column: alembic copies the table
    transaction_per_migration=True,  # on PostgreSQL; on SQLite the caller has begun one for them all
)
with context.begin_transaction():
    context.run_migrations()
