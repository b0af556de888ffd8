"""Addresses of header fields: a strict reader of its own (RFC 5322 section 3.4).

Only the addr-spec counts; display names and comments are read over. What is not well formed yields nothing, because
lenient readers disagree about it, and mail has been sent and trusted by that (CVE-2019-16056, CVE-2023-27043).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from mailproc.address import Address
from mailproc.reading.comments import QUOTED, comment_end, unquoted
from mailproc.reading.header import Header

_MAX_OCTETS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets

_TOKEN = re.compile(
    rf"(?P<space>[ \t\r\n]+)|(?P<quoted>{QUOTED})|(?P<literal>\[[^\[\]()<>:;@\\,\"]*\])"
    r"|(?P<atom>[^ \t\r\n()<>\[\]:;@\\,.\"]+)|(?P<special>.)",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]")
_ATEXT = r"[^\x00-\x20\x7f\"(),.:;<>@\[\\\]]+"  # and everything beyond ASCII
_LOCAL = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_QUOTED_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_LABEL = r"[^\x00-,./:-@\[-^`{-\x7f]+"  # letters, digits, "-", "_", and everything beyond ASCII
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


class _Token(NamedTuple):
    kind: str
    text: str


_Tokens = list[_Token]
_AddrSpec = tuple[str, str]


def read_addresses(values: Iterable[str], limit: int = 500) -> tuple[Address, ...]:
    """The addresses of header values in their order, at most ``limit``; members of groups are among them.

    An entry that is not well formed yields nothing. Local parts and domains beyond ASCII are accepted (RFC 6532).
    """
    found = chain.from_iterable(map(_entries, values))
    return tuple(Address(local, domain.removesuffix(".")) for local, domain in islice(filter(None, found), limit))


def sole_author(header: Header) -> Address | None:
    """The one address of the one From field, or None (RFC 5322 section 3.6.2).

    None as well when other readers might see another author, or none: a second From field, a group, a second entry of
    whatever kind, a line before the field that may end the header, a bare CR, a header that was cut; and when the address
    is a route, or lies beyond ASCII, where letters look like others and some even fold to them.
    """
    if len(header.all("From")) != 1 or header.cut or "bare-cr" in header.defects:
        return None
    if all(name.lower() != "from" for name, _ in header.fields[: header.sound]):
        return None
    entries = list(islice(_entries(header.all("From")[0]), 2))
    if len(entries) != 1 or entries[0] is None:
        return None
    local, domain = entries[0]
    if not (local + domain).isascii() or domain.endswith(".") or "%" in local or "!" in local:
        return None
    return Address(local, domain)


def _entries(value: str) -> Iterator[_AddrSpec | None]:
    """One item for each entry of an address list; None for one that is not well formed, and for a group as such."""
    entry: _Tokens = []
    in_group = False
    for token in _tokens(value):
        if token.kind != "special" or token.text not in ",;:":
            entry.append(token)
        elif token.text == ":" and not in_group and _is_phrase(entry):
            in_group, entry = True, []
            yield None
        elif token.text == ":":
            entry.append(token)
        else:
            yield _mailbox(entry)
            entry = []
            in_group = in_group and token.text == ","
    yield _mailbox(entry)


def _tokens(value: str) -> Iterator[_Token]:
    at = 0
    while found := _TOKEN.match(value, at):
        at = found.end()
        if found[0] == "(":
            closed = comment_end(value, found.start())
            at = closed or len(value)
            bad = closed is None or _CONTROL.search(value, found.start(), at)
            yield _Token("special" if bad else "space", " ")
        else:
            bad = _CONTROL.search(found[0])
            yield _Token("special" if bad else found.lastgroup or "", found[0])


def _mailbox(tokens: _Tokens) -> _AddrSpec | None:
    tokens = _trimmed(tokens)
    if not tokens or tokens[-1] != ("special", ">"):
        return _addr_spec(tokens)
    if ("special", "<") not in tokens:
        return None
    opening = tokens.index(_Token("special", "<"))
    if not _is_phrase(tokens[:opening]):  # an "@" there may be what another reader takes for the address
        return None
    return _addr_spec(_trimmed(tokens[opening + 1 : -1]))


def _addr_spec(tokens: _Tokens) -> _AddrSpec | None:
    """The local part and the domain, when the tokens are exactly an addr-spec without inner blanks and comments."""
    if tokens.count(_Token("special", "@")) != 1 or any(kind == "special" and text not in "@." for kind, text in tokens):
        return None
    at = tokens.index(_Token("special", "@"))
    local = _local_part(tokens[:at])
    domain = "".join(token.text for token in tokens[at + 1 :])
    if local is None or not _DOMAIN.fullmatch(domain) or not (local + domain).isprintable():
        return None
    if len(local.encode()) + len(domain.encode()) >= _MAX_OCTETS:
        return None
    if domain.lower().isascii() and not domain.isascii():  # the Kelvin sign folds to "k"
        return None
    return local, domain


def _local_part(tokens: _Tokens) -> str | None:
    if len(tokens) == 1 and tokens[0].kind == "quoted":
        inner = unquoted(tokens[0].text)
        if not _QUOTED_LOCAL.fullmatch(inner):  # blanks or an "@" in there are asking for trouble
            return None
        return inner if _LOCAL.fullmatch(inner) else f'"{inner}"'
    text = "".join(token.text for token in tokens)
    return text if _LOCAL.fullmatch(text) and "=?" not in text else None


def _is_phrase(tokens: _Tokens) -> bool:
    return all(token.kind != "special" or token.text == "." for token in tokens)


def _trimmed(tokens: _Tokens) -> _Tokens:
    start, end = 0, len(tokens)
    while start < end and tokens[start].kind == "space":
        start += 1
    while end > start and tokens[end - 1].kind == "space":
        end -= 1
    return tokens[start:end]
