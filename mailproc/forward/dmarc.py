"""Whether a domain asks that mail which others send in its name is refused (DMARC, RFC 7489 and its successor).

The policy is found by a walk up the tree of names instead of a list of public suffixes: first at the domain itself; else at
the organizational domain above it, whose ``sp=`` counts. Eight names are looked up at most.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from mailproc import Transient
from mailproc.dkim.txt import TextRecords
from mailproc.reading import one_line

MOST_LOOKUPS = 8

_MAX_OCTETS = 4096  # of a record
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_VERSION = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_STRICT = {"quarantine", "reject"}

_log = logging.getLogger("mailproc")

_Tags = dict[str, str]


def strict(domain: str, txt: TextRecords) -> bool:
    """Whether the policy for mail with this domain in From is ``reject`` or ``quarantine``.

    A policy for testing (``t=y``) is one step milder. Where the DNS does not answer it is not strict, and a warning is logged:
    then mail goes on unchanged, as it does for most domains.
    """
    name = ascii_name(domain)
    if not name:
        return False
    try:
        return _policy(name, txt) in _STRICT
    except Transient as why:
        _log.warning("the DMARC policy of %s cannot be looked up: %s", one_line(domain), why)
        return False


def ascii_name(domain: str) -> str:
    """The name of a domain in the DNS, lower-case and in ASCII; "" for what is none."""
    try:
        name = domain.lower().removesuffix(".").encode("idna").decode("ascii") if len(domain) < 255 else ""
    except UnicodeError:
        return ""
    return name if _NAME.fullmatch(name) else ""


def _policy(domain: str, txt: TextRecords) -> str:
    found = _record(txt, domain)
    if found is not None:
        return _asked(found, "p")
    above = _organizational(domain, txt)
    return _asked(above, "sp" if "sp" in above else "p")


def _asked(tags: _Tags, tag: str) -> str:
    policy = tags.get(tag, "none").lower()
    if tags.get("t", "n").lower() == "y":
        return {"reject": "quarantine"}.get(policy, "none")
    return policy


def _organizational(domain: str, txt: TextRecords) -> _Tags:
    """The record that speaks for the names below it; empty where there is none.

    ``psd=n`` says that the organization is here; ``psd=y`` that it is one label below; else it is the highest that has one.
    """
    best: tuple[int, _Tags] = 0, {}
    for name in _above(domain):
        tags = _record(txt, name)
        if tags is None:
            continue
        labels, psd = name.count(".") + 1, tags.get("psd", "u").lower()
        if psd == "n":
            return tags
        if psd == "y":
            return best[1] if best[0] == labels + 1 else tags
        best = labels, tags
    return best[1]


def _above(domain: str) -> Iterator[str]:
    """The names above a domain; of a long one only those of seven labels at most, which makes eight with itself."""
    labels = domain.split(".")
    for count in range(min(len(labels), MOST_LOOKUPS) - 1, 0, -1):
        yield ".".join(labels[-count:])


def _record(txt: TextRecords, domain: str) -> _Tags | None:
    """The tags of the one DMARC record of a name; None where there is none, or several."""
    name = f"_dmarc.{domain}"
    records = txt.txt(name) if len(name) < 254 else ()
    found = [record for record in records if _VERSION.match(record) and len(record) <= _MAX_OCTETS]
    return _tags(found[0]) if len(found) == 1 else None


def _tags(record: bytes) -> _Tags:
    specs = (spec.partition("=") for spec in record.decode("latin-1").split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in reversed(list(specs)) if equals}
