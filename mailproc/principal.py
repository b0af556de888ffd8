"""Who sent a message, and how sure we are of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mailproc.address import Address


class Trust(enum.IntEnum):
    """How sure we are of a sender.

    NONE: nobody we know. WEAK: a known address stands in From, unproven. STRONG: exactly the bytes of
    ``delivery.content`` were signed by this user's key, or a trusted domain answers for the whole mail by DKIM.
    """

    NONE = 0
    WEAK = 1
    STRONG = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Principal:
    """The sender: weakness is a value of it, not a mark put on it.

    ``user`` is the user's name, None when unknown (then ``trust`` is NONE). ``address`` is the single From address, None
    unless there is exactly one. ``method`` is ``openpgp``, ``dkim``, ``from`` or ``none``. ``fingerprint`` is the primary
    key's, in upper-case hex, when a signature made the trust strong.
    """

    user: str | None
    address: Address | None
    trust: Trust
    method: str = "none"
    fingerprint: str | None = None


NOBODY = Principal(None, None, Trust.NONE)
