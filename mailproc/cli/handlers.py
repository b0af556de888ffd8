"""`mailproc handlers`: which handlers there are, and which domains they serve."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mailproc.cli.configured import with_settings
from mailproc.cli.listing import Column, Row, facts, listing_options, write

if TYPE_CHECKING:
    from mailproc.settings import Settings

_COLUMNS = [Column("domain", 30), Column("handler", 20), Column("requires", 8), Column("external", 8), Column("note")]


@click.command()
@click.option("--test", "address", metavar="ADDRESS", help="Say who would handle mail to this address.")
@listing_options
@with_settings
def handlers(settings: Settings, address: str | None, form: str, limit: int | None) -> int:
    """List the domains with their handlers, and installed handlers that serve none.

    Exits with 78 when a handler cannot be used, and with --test when nobody handles the address.
    """
    if address is not None:
        return _test(settings, address, form)
    rows = [_bound(settings, domain) for domain in settings.domains]
    write([*rows, *_idle(settings)][:limit], _COLUMNS, form)
    return os.EX_CONFIG if any(row["error"] for row in rows) else os.EX_OK


def _test(settings: Settings, address: str, form: str) -> int:
    from mailproc.address import Address
    from mailproc.registry import Registry

    registry: Registry[str] = Registry()
    for domain in settings.domains:
        registry.add(domain, domain)
    serving = registry.get(Address.parse(address).domain)
    row = _bound(settings, serving) if serving else _row(None, None, error="nobody handles this domain")
    facts({"address": address, **{key: value for key, value in row.items() if key != "note"}}, form)
    return os.EX_CONFIG if row["error"] else os.EX_OK


def _bound(settings: Settings, domain: str) -> Row:
    from mailproc.errors import MissingProgram, SettingsError
    from mailproc.plugins import resolve

    name = settings.domains[domain].handler
    try:
        bound = resolve(name, settings.handlers, settings.file.parent)
    except (SettingsError, MissingProgram) as error:
        return _row(domain, name, error=str(error))
    return _row(domain, name, requires=str(bound.traits.requires), external=bound.traits.external)


def _idle(settings: Settings) -> list[Row]:
    from mailproc.plugins import installed

    used = {domain.handler for domain in settings.domains.values()}
    used |= {str(section.get("use", name)) for name, section in settings.handlers.items() if name in used}
    return [
        _row(None, found.name, note=f"{found.target} of {found.package} serves no domain")
        for found in installed()
        if found.name not in used
    ]


def _row(
    domain: str | None,
    name: str | None,
    *,
    requires: str | None = None,
    external: bool | None = None,
    note: str | None = None,
    error: str | None = None,
) -> Row:
    return {
        "domain": domain,
        "handler": name,
        "requires": requires,
        "external": external,
        "note": note or error,
        "error": error,
    }
