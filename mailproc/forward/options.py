"""What the options of the handlers stand for; what cannot be used is a ValueError or `SettingsError` that names the option."""

from __future__ import annotations

import importlib
from pathlib import Path

from mailproc import Address
from mailproc.dkim.sealing import Seal
from mailproc.dkim.txt import Dns, Remembered, TextRecords
from mailproc.forward.expansion import Lists
from mailproc.forward.paths import is_address, one_address
from mailproc.forward.resolver import Resolver
from mailproc.reading import one_line
from mailproc.secrets import secret_file, secret_in

_LEAST_SECRET = 16  # characters
_OF_A_SEAL = {"key": "arc_key_file", "selector": "arc_selector", "domain": "arc_domain", "authserv_id": "hostname"}


def imported(option: str, target: str) -> object:
    """What ``module:attribute`` names, the value of an option."""
    module, colon, attribute = target.partition(":")
    if not colon:
        raise ValueError(f"{option}: {one_line(target)}: is not written like module:attribute")
    try:
        found: object = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever it is, it is not ours, and is told with the name
        raise ValueError(f"{option}: {one_line(target)}: {type(error).__name__}: {one_line(str(error))}") from error
    return found


def resolver_of(name: str) -> Resolver:
    """The instance that ``module:attribute`` names, or one of the class that it names; ours for ""."""
    if not name:
        return Lists()
    found = imported("resolver", name)
    try:
        found = found() if isinstance(found, type) else found
    except (Exception, SystemExit) as error:
        raise ValueError(f"resolver: {one_line(name)}: {type(error).__name__}: {one_line(str(error))}") from error
    if not callable(getattr(found, "resolve", None)):
        raise ValueError(f"resolver: {one_line(name)} has no method resolve(address, session)")
    return found  # type: ignore[return-value]


def address_of(option: str, text: str) -> Address | None:
    """The address that an option holds, None for ""."""
    found = one_address(text)
    if text and (found is None or not is_address(text)):
        raise ValueError(f"{option}: {one_line(text, 80)!a} is not an address; write it like bounces@lists.example.org")
    return found


def secret_of(file: Path | None) -> str | None:
    """The secret in a file; None without one."""
    if file is None:
        return None
    secret = secret_in("secret", file)
    if len(secret) < _LEAST_SECRET:
        raise ValueError(f"secret_file: {file}: the secret has {len(secret)} characters; make one of at least {_LEAST_SECRET}")
    return secret


def seal_of(file: Path | None, selector: str, domain: str, hostname: str) -> Seal | None:
    """Who seals; None where none of the three is given."""
    if not (file or selector or domain):
        return None
    if not (file and selector and domain):
        raise ValueError("arc_key_file, arc_selector and arc_domain: give all of them, or none")
    try:
        return Seal(secret_file("arc_key_file", file), selector, domain, hostname)
    except ValueError as error:
        name, _, text = str(error).partition(": ")
        raise ValueError(f"{_OF_A_SEAL[name]}: {text}") from None


def records_of(server: str) -> TextRecords:
    """The DNS: the system's for "", or a server's, ``ADDRESS:PORT``."""
    try:
        return Remembered(Dns(server or None))
    except Exception as error:
        raise ValueError(f"dns_server: {error}") from None
