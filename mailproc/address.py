"""A mailbox address as RFC 5321 has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A mailbox: a local part, which only its host may interpret, and a domain (RFC 5321 section 2.3.11).

    The domain is lower-cased; the local part is untouched. ``str()`` gives ``local@domain``.
    """

    local: str
    domain: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", self.domain.lower())

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def subaddress(self) -> str | None:
        """What follows the first ``+`` of the local part (RFC 5233), or None."""
        _, plus, detail = self.local.partition("+")
        return detail if plus else None

    @property
    def folded(self) -> str:
        """The form under which users are looked up: wholly lower-case."""
        return str(self).lower()

    @classmethod
    def parse(cls, text: str) -> Address:
        """Split a plain ``local@domain`` at its last ``@``; without one the domain is empty.

        It splits and judges nothing; whether a header holds an address is decided in `mailproc.reading`.
        """
        local, at, domain = text.strip().rpartition("@")
        return cls(local, domain) if at else cls(domain, "")
