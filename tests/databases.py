"""Databases as an operator has them after ``mailproc db upgrade``."""

from __future__ import annotations

from mailproc.database.engine import create_database, make_engine
from mailproc.database.migrations import plugin_migrations, upgrade


def fresh_database(url: str) -> str:
    """Make the schema in a database that is empty, or an SQLite file that is missing; answers the URL."""
    engine = make_engine(url)
    create_database(engine)
    upgrade(engine, plugin_migrations())  # a plugin may be installed here, and a run refuses to begin without its tables
    engine.dispose()
    return url
