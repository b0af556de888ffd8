"""Addresses as texts: what can stand in a field, in a command of SMTP, and in an address that we make of it."""

from __future__ import annotations

import re

from mailproc import Address
from mailproc.reading import read_addresses

LONGEST_DOMAIN = 190  # characters, so that it fits into a List-Id behind a name (RFC 2919 section 2)

_PLAIN = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"  # what can stand in a local part without quotes (RFC 5322 section 3.2.3)
_DOMAIN = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"

_IS_PLAIN = re.compile(rf"{_PLAIN}+")
_IS_DOMAIN = re.compile(rf"(?!.{{{LONGEST_DOMAIN + 1}}}){_DOMAIN}")
_IS_ADDRESS = re.compile(rf"[!-;=?A-~]{{1,190}}@(?!.{{{LONGEST_DOMAIN + 1}}}){_DOMAIN}")
_IS_PATH = re.compile(r"[^\x00-\x20\x7f-\xa0<>@]{1,64}@[^\x00-\x20\x7f-\xa0<>@]{1,253}")
_ANGLED = re.compile(rf"<({_PLAIN}{{1,64}}@[A-Za-z0-9.-]{{1,190}})>")


def is_domain(text: str) -> bool:
    """Whether it is a domain in ASCII, of at most 190 characters."""
    return _IS_DOMAIN.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether it is an address that can stand in the fields of a list: in ASCII, without blanks and angle brackets."""
    return _IS_ADDRESS.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Whether it can stand in a path (RFC 5321 section 4.1.2), and nothing in it could end the command.

    It may hold letters beyond ASCII (RFC 6531), and no blank, also not in quotes: what sends our mail takes none.
    """
    return _IS_PATH.fullmatch(text) is not None


def fits_into_local_part(address: str) -> bool:
    """Whether a local part can have the address in it as ``local=domain`` or ``domain=local``, and it be read again."""
    local, _, domain = address.rpartition("@")
    return bool(_IS_PLAIN.fullmatch(local) and _IS_PLAIN.fullmatch(domain)) and "=" not in domain


def one_address(text: str) -> Address | None:
    """The address that a text is, and nothing besides; None for any other text."""
    found = read_addresses([text])
    return found[0] if len(found) == 1 and str(found[0]).lower() == text.strip().lower() else None


def angled(text: str) -> list[str]:
    """What stands in angle brackets and looks like an address."""
    return _ANGLED.findall(text)
