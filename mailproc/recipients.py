"""Whom a message is for; of a polled one, and of one in a file, the header must tell, for the envelope is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailproc.address import Address
from mailproc.reading import Header, read_addresses
from mailproc.registry import Registry
from mailproc.screening import written_path

MAX_RECIPIENTS = 100
_MAX_ADDRESSEES = 65_536  # as many of the shortest as a header holds, so that none hides ours behind others
POSTMASTER = "postmaster"  # the recipient without a domain, as doors write it in the ledger (RFC 5321 section 4.5.1)
ADDRESSEES = ("To", "Cc", "Resent-To", "Resent-Cc")


@dataclass(frozen=True, slots=True)
class Recipients:
    """The recipients of a message, never none: ``("",)`` stands for a message that names nobody.

    ``doubt`` is what the log should say about it; ``suspect`` that the field of our MTA stands in the text, as if somebody
    had tried to write it.
    """

    addresses: tuple[str, ...]
    doubt: str = ""
    suspect: bool = False


def find_recipients(header: Header, recipient_headers: Sequence[str], bound: Callable[[str], bool]) -> Recipients:
    """The topmost value of the first configured header that is present, alone; else the bound addressees.

    ``bound`` tells whether a domain has a handler. A sender can write any header, so only those should be configured
    that the operator's own MTA writes; the topmost one is the last that was written.
    """
    for name in recipient_headers:
        value = header.first(name)
        if value is not None:
            return Recipients((_sole(value),))
    found = read_addresses((value for name in ADDRESSEES for value in header.all(name)), _MAX_ADDRESSEES)
    served = _once(str(address) for address in found if bound(address.domain))[:MAX_RECIPIENTS]
    doubt = f"No {' or '.join(recipient_headers) or 'recipient'} header was present"
    if served:
        return Recipients(served, doubt)
    return Recipients((str(found[0]) if found else "",), doubt)


def _once(addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses without those that differ in case alone from an earlier one."""
    spellings: dict[str, str] = {}
    for address in addresses:
        spellings.setdefault(address.lower(), address)
    return tuple(spellings.values())


def suspected(found: Recipients, raw: bytes, recipient_headers: Sequence[str]) -> Recipients:
    """The same, with the doubt of a mail that names in its text the field that its header does not have."""
    if not found.doubt:
        return found
    text = raw.lower()
    named = next((name for name in recipient_headers if name.lower().encode() in text), None)
    return replace(found, doubt=f"Suspected spam: {named} stands in its text alone", suspect=True) if named else found


def recipients_of(header: Header, raw: bytes, recipient_headers: Sequence[str], registry: Registry[Any]) -> Recipients:
    """Both of a mail that came without an envelope: for whom it is, and whether that is to be doubted."""
    found = find_recipients(header, recipient_headers, lambda domain: registry.get(domain) is not None)
    return suspected(found, raw, recipient_headers)


def _sole(value: str) -> str:
    """The one address in an MTA's own field; "" when it holds none."""
    addresses = read_addresses([value])
    return str(addresses[0]) if addresses else ""


def reverse_path_of(header: Header) -> str | None:
    """The reverse path that the MTA wrote down (RFC 5321 section 4.4); "" is the null path.

    None when it is unknown: there is no Return-Path and no line of an mbox, or what stands there is not one address.
    """
    path = written_path(header)
    if not path:
        return path
    addresses = read_addresses([path])
    return str(addresses[0]) if len(addresses) == 1 else None


def domain_of(recipient: str) -> str:
    """The domain of a recipient, lower-case, or ""."""
    return Address.parse(recipient).domain
