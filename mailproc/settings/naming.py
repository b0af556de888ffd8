"""Sections that have names: what a name may be, and the ``[oauth2.NAME]`` that others name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mailproc.settings.explaining import Wrong, did_you_mean
from mailproc.settings.oauth2 import Oauth2

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # that of a file, and a part of an environment variable


def refuse_namesakes(names: list[str], what: str, key: str) -> None:
    """Raise `Wrong` where two names are one in an environment variable: upper and lower case, - and _."""
    folded = [name.upper().replace("-", "_") for name in names]
    for index, name in enumerate(folded):
        if name in folded[:index]:
            raise Wrong(key.format(index), f"{names[index]!r} is taken by another {what}; give each its own name")


def client_tables(tables: object, caches: Path) -> Iterator[tuple[str, str, dict[str, object]]]:
    """The tables ``[oauth2.NAME]``, each with its name and key, and filled with what only the program knows.

    Their tokens are kept in the folder ``caches``. Raises `Wrong`.
    """
    if not isinstance(tables, dict):
        raise Wrong("oauth2", "must be written [oauth2.NAME]")
    refuse_namesakes(list(tables), "[oauth2.NAME]", "oauth2")
    for name, table in tables.items():
        key = f"oauth2.{ascii(name)[1:-1]}"
        if not _NAME.fullmatch(name):
            raise Wrong(key, "the name of a section must be of letters, digits, - and _")
        if not isinstance(table, dict):
            raise Wrong(key, "must be a table; write [oauth2.NAME]")
        for filled in {"name", "cache"} & set(table):
            raise Wrong(f"{key}.{filled}", "there is no such key; remove it")
        yield name, key, {**table, "name": name, "cache": str(caches / name)}


def client_named(name: str, clients: Mapping[str, Oauth2]) -> Oauth2:
    """The section of this name. Raises ValueError with the fix."""
    if name not in clients:
        hint = did_you_mean(name, list(clients)) or "; write one"
        raise ValueError(f"there is no section [oauth2.{ascii(name)[1:-1]}]{hint}")
    return clients[name]
