"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL spell alike but SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into ``table`` that has ``on_conflict_do_nothing`` and ``on_conflict_do_update`` for this database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[sa.Row[Any]]:
    """Insert those ``rows`` whose key is new, in one statement; answers their primary keys."""
    statement = insert(connection, table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return list(connection.execute(statement, list(rows)))
