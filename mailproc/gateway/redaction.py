"""What may be written of an address whose local part is a capability."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mailproc import Address
from mailproc.gateway.pattern import Pattern

# In front of an @: what RFC 5321 has in a local part, and what stands beyond ASCII.
_LOCAL = re.compile(r"[^\x00-\x20\x7f\"(),:;<>@\[\\\]]")

Named = Callable[[Address], str]


def redacted(text: str, pattern: Pattern, named: Named) -> str:
    """The text with each address at a domain of the ``pattern`` made useless: its local part is X, and what it is stands behind
    it in angle brackets, as ``named`` says.
    """
    return "".join(_pieces(text, pattern, named))


def _pieces(text: str, pattern: Pattern, named: Named) -> Iterator[str]:
    domains = "|".join(map(re.escape, pattern.domains))
    done = 0
    for found in re.finditer(rf"@({domains})(?!-*[a-z0-9]|\.[a-z0-9])", text, re.IGNORECASE):
        start = _start(text, done, found.start())
        yield text[done:start]
        yield _hidden(Address(text[start : found.start()], found[1]), found[0], named)
        done = found.end()
    yield text[done:]


def _start(text: str, first: int, at: int) -> int:
    """Where the local part in front of an @ begins."""
    while at > first and _LOCAL.match(text[at - 1]):
        at -= 1
    return at


def _hidden(address: Address, domain: str, named: Named) -> str:
    return f"{'X' * len(address.local)}{domain} <{named(address)}>" if address.local else domain
