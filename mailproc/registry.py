"""Which handler serves which domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Registry(Generic[T]):
    """Domains and domain patterns, each with what serves it.

    A name is a domain, ``*.example.org`` (any domain below it, at any depth) or ``*``. Names are case-insensitive
    (RFC 5321 section 2.4) and the most exact one wins.
    """

    _bound: dict[str, T] = field(default_factory=dict)

    def add(self, domain: str, served_by: T | None) -> None:
        """Bind ``domain``, over what was bound before; None removes it."""
        name = domain.lower()
        if served_by is None:
            self._bound.pop(name, None)
        else:
            self._bound[name] = served_by

    def get(self, domain: str, *, catch_all: bool = True) -> T | None:
        """What serves ``domain``, or None; without ``catch_all`` the pattern ``*`` does not count."""
        name = domain.lower()
        if name in self._bound:
            return self._bound[name]
        _, dot, parent = name.partition(".")
        while dot:
            if f"*.{parent}" in self._bound:
                return self._bound[f"*.{parent}"]
            _, dot, parent = parent.partition(".")
        return self._bound.get("*") if catch_all else None

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(self._bound.items())
