"""The addresses of a gateway: how one is written, and what one says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailproc import Address
from mailproc.gateway.options import OPTIONS

TOKEN = re.compile(r"[a-z0-9]{32}")
REPLY = re.compile(r"mm([a-z0-9]{32})")

LONGEST_LOCAL = 64  # octets of a local part (RFC 5321 section 4.5.3.1.1)

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")
_LOCAL = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_`{|}~.-]*%s[A-Za-z0-9!#$&'*+/=?^_`{|}~.-]*")
_SEPARATOR = re.compile(r"[.+]")


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """What an address of a channel says: its token, and how mail to it is to be shown (words of `OPTIONS`)."""

    token: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """What the address of a conversation says: its token."""

    token: str


Decoded: TypeAlias = ChannelAddress | ReplyAddress


@dataclass(frozen=True, slots=True)
class Pattern:
    """The form of a gateway's addresses: what stands before and behind their own part, and their domains, the first of which
    new ones get.
    """

    prefix: str
    suffix: str
    domains: tuple[str, ...]

    def address(self, own: str) -> str:
        """The address with this part of its own; raises ValueError for a local part that servers need not take."""
        local = f"{self.prefix}{own}{self.suffix}"
        if len(local) > LONGEST_LOCAL:
            raise ValueError(f"the local part would have {len(local)} octets, and may have {LONGEST_LOCAL}; leave out options")
        return f"{local}@{self.domains[0]}"

    def channel_address(self, token: str, name: str = "", options: Sequence[str] = ()) -> str:
        """The address of a channel: the slug of its ``name`` where there is one and room for it, the token, the options.

        Raises ValueError for more options than an address can hold.
        """
        own = ".".join((token, *options))
        slug = slug_of(name)
        room = LONGEST_LOCAL - len(self.prefix) - len(self.suffix) - len(own)
        return self.address(f"{slug}.{own}" if slug and len(slug) < room else own)

    def reply_address(self, token: str) -> str:
        """The address of a conversation."""
        return self.address(f"mm{token}")

    def decode(self, address: Address) -> Decoded | None:
        """What an address says, in upper or lower case; None when it is none of this form. Nobody has seen its token yet."""
        own = self._own(address)
        if own is None:
            return None
        reply = REPLY.fullmatch(own)
        return ReplyAddress(reply[1]) if reply else _channel_address(own)

    def _own(self, address: Address) -> str | None:
        """What is an address's own, in lower case: mail servers on the way change the case of local parts."""
        local, prefix, suffix = address.local.lower(), self.prefix.lower(), self.suffix.lower()
        ours = address.domain in self.domains and address.local.isascii() and len(local) <= 4 * LONGEST_LOCAL
        if not ours or len(local) < len(prefix + suffix) or not (local.startswith(prefix) and local.endswith(suffix)):
            return None
        return local[len(prefix) : len(local) - len(suffix)]


def _channel_address(own: str) -> ChannelAddress | None:
    """The second of the parts that are no options is the token, or the only one: a name is there to be read by people."""
    parts = _SEPARATOR.split(own)
    options = tuple(part for part in parts if part in OPTIONS)
    others = [part for part in parts if part not in OPTIONS]
    token = others[min(1, len(others) - 1)] if others else ""
    return ChannelAddress(token, options) if TOKEN.fullmatch(token) else None


def read_pattern(pattern: str, extra_domains: Iterable[str] = ()) -> Pattern:
    """The form that these options of the handler tell; raises ValueError, which begins with the option's name."""
    local, _, domain = pattern.rpartition("@")
    if not _LOCAL.fullmatch(local) or not _is_domain(domain):
        raise ValueError('pattern: must be like "%s@chat.example.org" or "chat+%s@example.org", with one %s before the @')
    for extra in extra_domains:
        if not _is_domain(extra):
            raise ValueError(f"extra_domains: {extra!a} is no domain; write it like chat.example.org")
    prefix, _, suffix = local.partition("%s")
    if len(prefix + suffix) > LONGEST_LOCAL - 34:
        raise ValueError(f"pattern: what stands round the %s may have {LONGEST_LOCAL - 34} characters")
    return Pattern(prefix, suffix, tuple(map(str.lower, (domain, *extra_domains))))


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and bool(_DOMAIN.fullmatch(text.lower()))


def slug_of(name: str) -> str:
    """A channel's name for people to read in an address: ASCII, lower case, with - between words.

    It is "" where letters would be lost, because half a name misleads, and for what would be read as an option.
    """
    whole = re.sub(r"\W+", "-", name).strip("-")
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")
    return "" if len(slug) < len(whole) or slug in OPTIONS else slug
