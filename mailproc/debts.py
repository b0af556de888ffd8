"""Starts that are owed back: the database failed before they could be taken off the count of a receipt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Debts:
    """A file with one receipt id a line; each stands for one start that was nobody's fault but the database's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, ids: Sequence[str]) -> None:
        """Remember these durably."""
        if not ids:
            return
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(f"{id}\n" for id in ids)
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> list[str]:
        """The ids that are owed, as often as they are owed."""
        try:
            return self._path.read_text(encoding="ascii").split()
        except FileNotFoundError:
            return []

    def settle(self) -> None:
        """All have been given back."""
        self._path.unlink(missing_ok=True)
