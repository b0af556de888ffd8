"""Addresses of the gateway as rows of a listing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from mailproc.cli.listing import Row
from mailproc.cli.realms import Found

if TYPE_CHECKING:
    from datetime import datetime

    from mailproc.gateway.addresses import Entry


def decoded_row(found: Found | None, written: str, now: datetime) -> Row:
    """What an address is, with X in place of its local part."""
    from mailproc.gateway.pattern import ChannelAddress

    local, at, domain = written.rpartition("@")
    hidden = f"{'X' * len(local)}@{domain}" if at else "X" * len(domain)
    row = {
        "address": hidden,
        "handler": None,
        "kind": None,
        "id": None,
        "state": "invalid",
        "to": None,
        "user": None,
        "shows": (),
    }
    if found is None:
        return row
    kind = "channel" if isinstance(found.decoded, ChannelAddress) else "reply"
    known = row_of(found.entry, now) if found.entry else {"kind": kind, "state": "unknown"}
    said = {"handler": found.realm.name, "shows": getattr(found.decoded, "options", ())}
    return {**row, **said, **{key: value for key, value in known.items() if key in row}}


def row_of(entry: Entry, now: datetime) -> Row:
    """All that is known of an address, which is not enough to write it."""
    return {**asdict(entry), "state": entry.state(now)}


def for_people(row: Row) -> Row:
    """The same with one text for where mail goes, and with the most uses that there may be."""
    most = row.get("max_uses")
    return {**row, "to": _place(row["to"]), "uses": f"{row['uses']} of {most}" if most else row.get("uses")}


def _place(to: object) -> str | None:
    if not isinstance(to, dict):
        return None
    if "users" in to:
        return " ".join(f"@{user}" for user in to["users"])
    return f"{to['name']} > {to['topic']}" if to["topic"] else str(to["name"])
