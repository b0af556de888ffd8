"""The page on the configuration is complete and true: every key, its default, its variable."""

from __future__ import annotations

import re
import tomllib
from asyncio.constants import SSL_HANDSHAKE_TIMEOUT
from pathlib import Path

import pytest
from msgspec.structs import fields

from mailproc import serve
from mailproc.answers.templates import PLACEHOLDERS
from mailproc.ends import relay
from mailproc.maildrops import mbox_lock
from mailproc.pipe import source
from mailproc.reception import questions
from mailproc.settings import (
    After,
    Dkim,
    Domain,
    Limits,
    Log,
    Maildrop,
    Oauth2,
    Openpgp,
    Serve,
    Settings,
    Smtp,
    environment,
    load,
)
from mailproc.smtpd.limits import Limits as Clients
from tests.pages import PAGES, TOP, blocks, named, rows, section

README, CONFIGURATION, OAUTH2 = (PAGES[name] for name in ("README.md", "docs/configuration.md", "docs/oauth2.md"))

PASSWORD = {"password", "token"}  # they come from the environment alone
TABLES = {"maildrop", "smtp", "oauth2", "openpgp", "dkim", "log", "limits", "serve", "domains", "handler"}
NOTHING: set[str] = set()

# The heading of a section, what it is read into, and the fields of that which are no keys of this section.
SECTIONS = {
    "The top of the file": ((Settings,), {"file", *TABLES}),
    "[[maildrop]]": ((Maildrop, After), PASSWORD),
    "[smtp]": ((Smtp,), PASSWORD),
    "[openpgp]": ((Openpgp,), NOTHING),
    "[dkim]": ((Dkim,), NOTHING),
    "[log]": ((Log,), NOTHING),
    "[limits]": ((Limits,), NOTHING),
    '[domains."..."]': ((Domain,), NOTHING),
}

# The same for those that the example has in comments only.
COMMENTED = {
    "[oauth2.NAME]": ((Oauth2,), {"name", "cache", "client_secret", "refresh_token"}),
    "[serve]": ((Serve,), NOTHING),
}


@pytest.mark.parametrize("heading", [*SECTIONS, *COMMENTED])
def test_every_key_is_described(heading: str) -> None:
    """Each section of the page has a row for each of its keys, and for no other."""
    kinds, no_keys = (SECTIONS | COMMENTED)[heading]
    keys = {field.encode_name for kind in kinds for field in fields(kind)} - no_keys
    assert sorted(named(section(CONFIGURATION, heading))) == sorted(keys)


def test_the_blocks_of_the_sections_are_the_example() -> None:
    """Put together they say what `mailproc.example.toml` says, so that the page shows the true defaults."""
    shown = tomllib.loads("\n".join(blocks(section(CONFIGURATION, heading), "toml")[0] for heading in SECTIONS))
    assert shown == tomllib.loads((TOP / "mailproc.example.toml").read_text())


@pytest.mark.parametrize("text", [block for page in (README, CONFIGURATION, OAUTH2) for block in blocks(page, "toml")])
def test_a_configuration_that_is_shown_loads(text: str, tmp_path: Path) -> None:
    """The real loader takes every block."""
    file = tmp_path / "mailproc.toml"
    file.write_text(text)
    assert load(file, {}).file == file


def test_every_variable_is_described() -> None:
    """The table has each that overrides a key, and no other."""
    tables = tomllib.loads((TOP / "mailproc.example.toml").read_text()) | {"oauth2": {"office": {}}}
    wanted = {environment._variable(path, tables): environment._key(path) for path, _ in environment._single_values(tables)}
    shown = {row[0].strip("`"): re.findall("`([^`]+)`", row[1])[0] for row in rows(section(CONFIGURATION, "The environment"))}
    assert shown == wanted


def test_the_constants_of_the_entrances_are_those_of_the_program() -> None:
    """The table has their numbers."""
    told: dict[str, str] = dict(rows(section(CONFIGURATION, "What cannot be set")))
    clients = Clients()
    calls = {verb: f"{number:,}" for verb, number in clients.calls.items()}
    assert calls["MAIL"] == calls["DATA"] == calls["RSET"]
    wanted = {
        "commands of one session at a door": f"{calls['MAIL']} MAIL, DATA and RSET, {calls['RCPT']} RCPT, "
        f"{calls['NOOP']} NOOP, {calls['*']} of each other",
        "messages that are being received at once": f"{clients.octets >> 20} MiB,",
        "a TLS handshake at a door": f"{clients.handshake:.0f} seconds, {SSL_HANDSHAKE_TIMEOUT:.0f} after STARTTLS",
        "what a handler's `accepts` or a login may take at a door": f"{questions.PATIENCE:.0f} seconds,",
        "waiting for a worker behind a door": f"inline {serve._PATIENCE / 60:.0f} minutes",
        "waiting for the next server, by the handler `relay`": f"{relay._PATIENCE:.0f} seconds",
        "waiting for the lock of an mbox": f"{mbox_lock.PATIENCE:.0f} seconds",
        "one `mailproc deliver`": f"{source.LONGEST / 60:.0f} minutes",
    }
    assert {what: told[what] for what in wanted if not told[what].startswith(wanted[what])} == {}


def test_every_placeholder_is_described() -> None:
    """The table has each that a text may use, and no other."""
    assert sorted(named(section(CONFIGURATION, "Texts of your own"))) == sorted(f"${name}" for name in PLACEHOLDERS)
