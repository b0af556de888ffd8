"""The database: everything that is remembered between two runs, on SQLite or PostgreSQL."""
