"""Who an address stands for: the groups that its mail goes on to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mailproc import Rejected, Reply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc import Address


@dataclass(frozen=True, slots=True)
class Group:
    """People who get a mail together: each group of an address gets a copy of its own, with its own list fields.

    ``name``         what it is called, such as ``board``; the List-Id is ``<board.DOMAIN>``
    ``address``      where one writes to it: what List-Post names
    ``recipients``   who gets the mail, ``local@domain`` each; a group without any is passed over
    ``description``  one line for people, as in List-Id
    ``is_list``      whether it is a mailing list: an alias has no List-* fields (RFC 2369)
    ``owner``        the address of who answers for it, "" for nobody
    ``posters``      the addresses that may write to it, lower-case; None for anybody
    ``strong``       whether who writes must have proven who they are: a signature, or a trusted domain's DKIM

    Raises TypeError for recipients, or posters, that are one text, or not all of them texts.
    """

    name: str
    address: Address
    recipients: tuple[str, ...]
    description: str = ""
    is_list: bool = False
    owner: str = ""
    posters: frozenset[str] | None = None
    strong: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipients", self._texts("recipients"))
        if self.posters is not None:
            object.__setattr__(self, "posters", frozenset(self._texts("posters")))

    def _texts(self, name: str) -> tuple[str, ...]:
        """What several addresses are; one text in their place would be as many as it has letters."""
        given = getattr(self, name)
        several = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
        found = tuple(given) if several else (None,)
        if not all(isinstance(each, str) for each in found):
            raise TypeError(f"Group {self.name}: {name} is a sequence of addresses, such as ('ann@example.org',)")
        return found


class InvalidRecipient(Rejected):
    """An address stands for nobody; ``reasons``, or the only one, are one for each part of the address that is wrong.

    It is permanent: a client at a door is told ``550 5.1.1`` (RFC 3463 section 3.2), anybody else by a report (RFC 3464).
    """

    def __init__(self, reasons: str | Iterable[str]) -> None:
        self.reasons = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        text = "; ".join(self.reasons)
        super().__init__(text, reply=Reply(550, "5.1.1", text), dsn=True)


class Resolver(Protocol):
    """What knows the groups of an address; the option ``resolver`` of the handler names one as ``module:attribute``.

    The attribute is an instance, or a class that is called without arguments. One instance serves every mail, several threads
    of a door ask it at the same time, and the session is for looking only.
    """

    def resolve(self, address: Address, session: Session) -> Sequence[Group]:
        """The groups, in the order in which they are served; nobody gets a mail twice. None at all: it is dropped in silence.

        Raises `InvalidRecipient` for an address that stands for nobody, `Transient` where the source of the groups is away.
        """
        ...
