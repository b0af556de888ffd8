"""The addresses that our own mail is from."""

from __future__ import annotations

import re

import msgspec

from mailproc.address import Address

# Narrower than RFC 5322 section 3.4, on purpose: no quotes, no comments, nothing that a relay may refuse.
_MAILBOX = re.compile(
    r"(?:(?P<name>[^\x00-\x1f\x7f<>@\"\\,;:]*?) *<)?(?P<address>[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255})>?"
)


class Mailbox(msgspec.Struct, frozen=True):
    """An address with the name that is shown beside it, ``""`` for none."""

    address: Address
    name: str = ""

    def __str__(self) -> str:
        """As it stands in a header, the name quoted where it must be."""
        if not self.name:
            return str(self.address)
        name = f'"{self.name}"' if re.search(r"[^\w !#$%&'*+/=?^`{|}~-]", self.name) else self.name
        return f"{name} <{self.address}>"


def read_mailbox(text: str) -> Mailbox:
    """The mailbox that is written ``NAME <LOCAL@DOMAIN>`` or ``LOCAL@DOMAIN``. Raises ValueError."""
    match = _MAILBOX.fullmatch(text)
    if match is None or (match["name"] is not None) != text.endswith(">"):
        raise ValueError(f"{text!r} is not an address; write it like Mail Robot <robot@example.org>")
    return Mailbox(Address.parse(match["address"]), match["name"] or "")
