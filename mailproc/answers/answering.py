"""How this installation writes: the one value that all its mail is made with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses

from mailproc.address import Address
from mailproc.answers.permission import wire_address
from mailproc.answers.templates import Texts
from mailproc.envelope import MAX_SIZE
from mailproc.errors import SettingsError

_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Answering:
    """How this installation writes.

    ``sender`` is ``Name <local@domain>``, the From of all its mail; ``admin`` the address that error mails name;
    ``domain`` our own, which marks our mail; ``max_size`` in octets. Raises `SettingsError` when one of them is unusable.
    """

    sender: str
    admin: str
    domain: str
    texts: Texts
    max_size: int = MAX_SIZE

    def __post_init__(self) -> None:
        if len(getaddresses([self.sender])) != 1 or wire_address(self.address) is None:
            raise SettingsError(f"[smtp] from = {self.sender!r} must be one address, such as Mail Robot <robot@example.org>")
        if wire_address(Address.parse(self.admin)) is None:
            raise SettingsError(f"[smtp] admin = {self.admin!r} must be one address, such as postmaster@example.org")
        if not _DOMAIN.fullmatch(self.domain):
            raise SettingsError(f"our domain {self.domain!r} is none; it must look like mail.example.org")

    @property
    def address(self) -> Address:
        """The address that all mail of this installation comes from."""
        return Address.parse(getaddresses([self.sender])[0][1])

    @property
    def display_name(self) -> str:
        """The name that stands before the address, "" when there is none."""
        return getaddresses([self.sender])[0][0]

    @property
    def mark(self) -> str:
        """The value of X-Loop by which we know our own mail when it comes back."""
        return f"mailproc/{self.domain}"

    def is_ours(self, address: Address) -> bool:
        """Whether ``address``, with or without a subaddress, is the one that our mail comes from."""
        return _without_detail(address) == _without_detail(self.address)


def _without_detail(address: Address) -> str:
    return f"{address.local.partition('+')[0]}@{address.domain}".lower()
