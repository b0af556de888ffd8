"""What the options of the forwarder stand for; what cannot be used is a ValueError that names the option."""

from __future__ import annotations

import importlib
from pathlib import Path

from mailproc import Address
from mailproc.dkim.sealing import Seal
from mailproc.dkim.txt import Dns, Remembered, TextRecords
from mailproc.forward.expansion import Lists
from mailproc.forward.resolver import Resolver
from mailproc.reading import one_line, read_addresses
from mailproc.secrets import secret_in

_LEAST_SECRET = 16  # characters


def resolver_of(name: str) -> Resolver:
    """The instance that ``module:attribute`` names, or one of the class that it names; ours for ""."""
    if not name:
        return Lists()
    module, colon, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
        found = found() if isinstance(found, type) else found
    except Exception as error:  # whatever it is, it is not ours, and is told with the name
        text = f"{type(error).__name__}: {one_line(str(error))}" if colon else "is not written like module:attribute"
        raise ValueError(f"resolver: {one_line(name)}: {text}") from error
    if not callable(getattr(found, "resolve", None)):
        raise ValueError(f"resolver: {one_line(name)} has no method resolve(address, session)")
    return found  # type: ignore[no-any-return]


def address_of(key: str, text: str) -> Address | None:
    """The address that an option holds, None for ""."""
    found = read_addresses([text])
    if text and (len(found) != 1 or str(found[0]).lower() != text.lower() or not text.isascii()):
        raise ValueError(f"{key}: {one_line(text, 80)!a} is not an address; write it like bounces@lists.example.org")
    return found[0] if text else None


def secret_of(file: Path | None) -> str | None:
    """The secret in a file; None without one."""
    if file is None:
        return None
    secret = _told(file, "secret")
    if len(secret) < _LEAST_SECRET:
        raise ValueError(f"secret_file: {file}: the secret has {len(secret)} characters; make one of at least {_LEAST_SECRET}")
    return secret


def seal_of(file: Path | None, selector: str, domain: str, hostname: str) -> Seal | None:
    """Who seals; None where none of the three is given."""
    if not (file or selector or domain):
        return None
    if not (file and selector and domain):
        raise ValueError("arc_key_file, arc_selector and arc_domain: give all of them, or none")
    _told(file, "arc_key")
    try:
        return Seal(file.read_bytes(), selector, domain, hostname)
    except ValueError as error:
        raise ValueError(f"arc: {error}") from None


def records_of(server: str) -> TextRecords:
    """The DNS: the system's for "", or a server's, ``ADDRESS:PORT``."""
    try:
        return Remembered(Dns(server or None))
    except Exception as error:
        raise ValueError(f"dns_server: {error}") from None


def _told(file: Path, key: str) -> str:
    try:
        return secret_in(key, file)
    except Exception as error:  # a `SettingsError`, which has the option and the fix in it
        raise ValueError(str(error)) from None
