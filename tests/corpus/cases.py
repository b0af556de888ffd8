"""One mail of a class of bad input, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mailproc.testing import SigningKey

ARRIVAL = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SIGNED = ARRIVAL - timedelta(hours=1)

# Who is known to the inspector that looks at the cases. Only ANN and BOB have a registered key.
ANN = "ann@example.org"
BOB = "bob@example.org"
GONE = "gone@example.org"  # not active


@dataclass(frozen=True)
class People:
    """The key pairs of the two users, and one that is registered with nobody; made a year before `ARRIVAL`."""

    ann: SigningKey
    bob: SigningKey
    mallory: SigningKey


class OneOf(tuple[Any, ...]):
    """Any of these values will do."""

    __slots__ = ()


@dataclass(frozen=True)
class Case:
    """A mail and the part of its record that matters.

    ``id`` begins with the class, ``B01.nested-multiparts``. ``raw`` is the mail, or makes it where it takes keys. ``wanted``
    has keys of the record of ``mailproc inspect``, dotted where they are nested (``authentication.level``), with the value
    that must stand there; `OneOf` for several. A key that ends in ``+`` is a list that must hold at least the wanted items
    (``defects+``). ``dns`` holds the TXT records that DKIM finds; the domains in ``trusted`` are the trusted ones.
    """

    id: str
    raw: bytes | Callable[[People], bytes] = field(repr=False)
    wanted: Mapping[str, Any]
    arrival: datetime = ARRIVAL
    dns: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    trusted: tuple[str, ...] = ()
