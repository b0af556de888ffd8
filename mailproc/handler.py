"""The extension point: a handler is one function from a `Delivery` to an `Outcome`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from mailproc.principal import Trust

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc.address import Address
    from mailproc.delivery import Delivery
    from mailproc.errand import Errand
    from mailproc.outcome import Outcome
    from mailproc.reply import Reply

Handler: TypeAlias = "Callable[[Delivery], Outcome]"
Accepts: TypeAlias = "Callable[[Address, Session], bool | Reply]"
Performs: TypeAlias = "Callable[[Errand], str]"

_Decorated = TypeVar("_Decorated", bound=Callable[..., object])
_MARK = "__mailproc_handler__"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a handler says of itself.

    ``requires`` is the least trust in a sender with which it is called. ``external`` says that it has effects outside
    the database, so that its messages are committed one by one.
    """

    requires: Trust = Trust.WEAK
    external: bool = False


def handler(*, requires: Trust = Trust.WEAK, external: bool = False) -> Callable[[_Decorated], _Decorated]:
    """Mark a function, or a frozen dataclass with ``__call__``, as a handler.

    The thing decorated stays what it was: it can be called in a test with a `Delivery`. The fields of a dataclass are
    the handler's options in the configuration.
    """
    traits = Traits(requires, external)

    def mark(decorated: _Decorated) -> _Decorated:
        setattr(decorated, _MARK, traits)
        return decorated

    return mark


def accepts_of(handler: object) -> Accepts | None:
    """What a handler says of its addresses, when it says anything: whether a door is to take mail for one.

    It is the handler's attribute ``accepts``, called with the address, and where it takes two with a database session too. It
    answers yes or no, or the `Reply` that says no in words of its own.
    """
    accepts = getattr(handler, "accepts", None)
    if accepts is None:
        return None
    if len(inspect.signature(accepts).parameters) > 1:
        return accepts  # type: ignore[no-any-return]
    return lambda address, session: accepts(address)


def shown_of(handler: object) -> Callable[[Address], str]:
    """How a handler's addresses are written where people read: by its attribute ``shown``, else as they are."""
    shown: Callable[[Address], str] | None = getattr(handler, "shown", None)
    return shown or str


def performs_of(handler: object) -> Performs | None:
    """How a handler carries out the intents that it sends, when it sends any: its attribute ``perform``."""
    perform: Performs | None = getattr(handler, "perform", None)
    return perform


def traits_of(candidate: object) -> Traits | None:
    """The traits of a marked handler, or of an instance of a marked class; None when it is no handler."""
    traits = getattr(candidate, _MARK, None)
    return traits if isinstance(traits, Traits) else None
