"""Columns and statements for the tables of plugins, the same on SQLite and PostgreSQL.

``Instant``   a moment: aware on both sides, UTC in the database
``Number``    a 64-bit integer that can number rows by itself
``insert``    an INSERT that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``
"""

from mailproc.database.tables import Instant, Number
from mailproc.database.upsert import insert

__all__ = ["Instant", "Number", "insert"]
