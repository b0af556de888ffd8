"""The gateways of a configuration, and what was made under their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailproc.errors import MailprocError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc.gateway.addresses import Entry
    from mailproc.gateway.handler import Gateway
    from mailproc.gateway.pattern import Decoded
    from mailproc.settings import Settings

_GATEWAYS = ("gateway", "mailproc.gateway.handler:Gateway")  # what `use` has


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway under the name that the operator knows it by."""

    name: str
    gateway: Gateway


@dataclass(frozen=True, slots=True)
class Found:
    """An address that has the form of a realm's, and what was made under it, if anything was."""

    realm: Served
    decoded: Decoded
    entry: Entry | None


def realm_of(settings: Settings, name: str | None) -> Served:
    """The gateway of this name, or the only one; raises `MailprocError` when there are several, and as `realms_of`."""
    realms = realms_of(settings, name)
    if len(realms) > 1:
        raise MailprocError(f"there are several gateways; give --handler, one of: {', '.join(each.name for each in realms)}")
    return realms[0]


def realms_of(settings: Settings, name: str | None) -> list[Served]:
    """All gateways, or the one of this name; there is at least one, or `SettingsError` is raised."""
    from mailproc.gateway.handler import Gateway
    from mailproc.plugins import resolve

    names = [name] if name else _names(settings)
    if not names:
        raise SettingsError('no handler is a gateway; bind a domain to handler = "gateway", with options in [handler.gateway]')
    found = [(each, resolve(each, settings.handlers, settings.file.parent).handler) for each in names]
    realms = [Served(each, handler) for each, handler in found if isinstance(handler, Gateway)]
    if not realms:
        raise SettingsError(f"--handler: {names[0]} is no gateway; there are: {', '.join(_names(settings)) or 'none'}")
    return realms


def _names(settings: Settings) -> list[str]:
    """The names of the handlers that are gateways, as far as their sections tell: no other one is imported."""
    names = dict.fromkeys([*(bound.handler for bound in settings.domains.values()), *settings.handlers])
    return [name for name in names if settings.handlers.get(name, {}).get("use", name) in _GATEWAYS]


def find_in(session: Session, realms: Sequence[Served], written: str) -> Found | None:
    """What an address is, None when it has the form of no realm's."""
    from mailproc.address import Address
    from mailproc.gateway.addresses import find

    for realm in realms:
        decoded = realm.gateway.form.decode(Address.parse(written))
        if decoded:
            return Found(realm, decoded, find(session, realm.gateway.realm, decoded))
    return None
