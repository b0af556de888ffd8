"""The author of any bytes, compared with two other readers: those of the standard library, lenient and modern."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import compat32, default
from email.utils import getaddresses

from mailproc.answers import wire_address
from mailproc.reading import read_header, sole_author


def authors_are_beyond_doubt(raw: bytes) -> None:
    """Who is the author for us is so for both, and nobody beside; the modern one may find none, because it raises at much."""
    author = sole_author(read_header(raw))
    if author is None:
        return
    found, strict = lenient(raw), modern(raw)
    assert [_unquoted(each).lower() for each in found] == [author.folded], ("lenient", found, author)
    assert [_unquoted(each).lower() for each in strict] in ([], [author.folded]), ("modern", strict, author)
    assert wire_address(author) is None or wire_address(author) == f"{author.local}@{author.domain}"


def _unquoted(address: str) -> str:
    """The address without needless quotes: with and without them it is the same mailbox (RFC 5321 section 4.1.2)."""
    local, _, domain = address.rpartition("@")
    return f"{local.strip(chr(34))}@{domain}"


def lenient(raw: bytes) -> list[str]:
    """The addresses of all From fields as `email.utils` has them, without the pieces of a name that has brackets in it."""
    message = message_from_bytes(raw, policy=compat32)
    values = [str(value) for value in message.get_all("From", [])]
    return [address for _, address in getaddresses(values) if "@" in address]


def modern(raw: bytes) -> list[str]:
    """The addresses of all From fields as `email.policy.default` has them; none where it gives up."""
    try:
        message = message_from_bytes(raw, policy=default)
        found = [address for value in message.get_all("From", []) for address in value.addresses]
        return [each.addr_spec for each in found if each.domain]
    except Exception:  # it raises on hostile values, of any class
        return []
