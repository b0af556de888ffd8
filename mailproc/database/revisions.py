"""Which versions a folder of alembic files holds, read without alembic: that would take a tenth of a second in every run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path


def head(folder: Path) -> str | None:
    """The version to which a folder leads, None when it is empty; several are joined by commas."""
    revisions = revisions_in(folder)
    return joined(revisions.keys() - {name for names in revisions.values() for name in names})


def joined(names: Iterable[str]) -> str | None:
    """Versions as one text, the same in whatever order they come."""
    return ",".join(sorted(names)) or None


def revisions_in(folder: Path) -> dict[str, Sequence[str]]:
    """The versions in a folder, each with those that it comes after."""
    return dict(pair for pair in map(_revision_of, sorted(folder.glob("*.py"))) if pair is not None)


def _revision_of(file: Path) -> tuple[str, Sequence[str]] | None:
    constants = dict(_constants(ast.parse(file.read_bytes(), str(file))))
    if "revision" not in constants:
        return None
    before = constants.get("down_revision") or ()
    return constants["revision"], (before,) if isinstance(before, str) else tuple(before)


def _constants(module: ast.Module) -> Iterable[tuple[str, str]]:
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
            yield target.id, ast.literal_eval(value)
