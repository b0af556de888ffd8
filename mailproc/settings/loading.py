"""From a TOML file and the environment to `Settings`."""

from __future__ import annotations

import os
import re
import shlex
import stat
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mailproc.errors import SettingsError
from mailproc.inputfile import at_once
from mailproc.settings.environment import SECTIONS, override
from mailproc.settings.explaining import SECRETS, Wrong, wrong
from mailproc.settings.keys import Dkim, Domain, Maildrop, Settings, Smtp
from mailproc.settings.mailbox import read_mailbox
from mailproc.settings.naming import client_named, client_tables, refuse_namesakes
from mailproc.settings.oauth2 import Oauth2, read_token_url
from mailproc.settings.passwords import Secret
from mailproc.settings.quantities import Seconds, Size, read_size, read_time
from mailproc.settings.serving import Network, Rate, read_network, read_rate
from mailproc.settings.urls import read_database_url, read_maildrop_url, read_name_server, read_smtp_url

SEARCHED = (Path("mailproc.toml"), Path("/etc/mailproc/mailproc.toml"))

_DOMAIN = re.compile(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_Section = TypeVar("_Section", bound=msgspec.Struct)


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: ``path``, else MAILPROC_CONFIG, else the first of `SEARCHED` that exists, else None."""
    if path is None and environ.get("MAILPROC_CONFIG"):
        path = Path(environ["MAILPROC_CONFIG"])
    # os.path, because Path.exists() raises for a place that we may not look into: what is not ours to read is not there.
    return path or next((place for place in SEARCHED if os.path.exists(place)), None)  # noqa: PTH110


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the configuration; ``path`` is the operator's ``--config``. Raises `SettingsError`."""
    file = find(path, environ)
    if file is None:
        raise SettingsError(
            f"no configuration: there is neither {SEARCHED[0]} nor {SEARCHED[1]} that you may read; type: mailproc init"
        )
    set_by: dict[str, str] = {}
    try:
        tables = _read(file)
        set_by.update(override(tables, environ))
        settings = _settings(tables, file.absolute(), environ)
        _refuse_readable_password(settings, set_by)
    except Wrong as error:
        if error.key.startswith("MAILPROC_"):
            raise SettingsError(str(error)) from None
        raise SettingsError(f"{set_by.get(error.key, file)}: {error}") from None
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        with open(file, "rb", opener=at_once) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise SettingsError(f"{file}: it is not a regular file; name one")
            return tomllib.loads(opened.read().decode())
    except FileNotFoundError:
        raise SettingsError(f"{file}: there is no such file; type: mailproc --config {shlex.quote(str(file))} init") from None
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; name a file that can be read") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: octet {error.start} is not UTF-8; save it so") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}; mend it there") from None


def _settings(tables: dict[str, Any], file: Path, environ: Mapping[str, str]) -> Settings:
    if "file" in tables:
        raise Wrong("file", "there is no such key; remove it")
    folder = file.parent
    credentials = Path(environ["CREDENTIALS_DIRECTORY"]) if environ.get("CREDENTIALS_DIRECTORY") else None

    clients: dict[str, Oauth2] = {}

    def section(table: object, kind: type[_Section], key: str) -> _Section:
        return _convert(_texts_read(table, kind, key, folder, credentials, clients), kind, key, folder)

    whole: dict[str, Any] = {"database": "sqlite:///mailproc.db", "archive": "archive", "state": "state", **tables}
    caches = Path(str(_read_text(whole["state"], partial(_read_path, folder=folder), "state"))) / "tokens"
    for name, key, table in client_tables(whole.get("oauth2", {}), caches):
        clients[name] = section(table, Oauth2, key)
    whole["oauth2"] = clients
    for name, kind in SECTIONS.items():
        if name in whole:
            whole[name] = section(whole[name], kind, name)
    whole["maildrop"] = [section(table, Maildrop, f"maildrop[{n}]") for n, table in _numbered(whole.get("maildrop", []))]
    whole["domains"] = {name: section(table, Domain, key) for name, key, table in _named(whole.get("domains", {}))}
    _refuse_loose_options(whole.get("handler"))
    refuse_namesakes([maildrop.name for maildrop in whole["maildrop"]], "maildrop", "maildrop[{}].name")
    return section({**whole, "file": file}, Settings, "")


def _numbered(tables: object) -> list[tuple[int, object]]:
    if not isinstance(tables, list):
        raise Wrong("maildrop", "must be written [[maildrop]], in two pairs of brackets")
    return list(enumerate(tables))


def _named(tables: object) -> list[tuple[str, str, object]]:
    if not isinstance(tables, dict):
        raise Wrong("domains", 'must be written [domains."example.org"]')
    named = [(name.lower(), f'domains."{name}"' if name.isprintable() else "domains", table) for name, table in tables.items()]
    for name, key, _ in named:
        if not _DOMAIN.fullmatch(name):
            raise Wrong(key, 'is not a domain; write it like "example.org", "*.example.org" or "*"')
        if [other for other, _, _ in named].count(name) > 1:
            raise Wrong(key, "stands there twice, because case does not matter; remove one")
    return named


def _refuse_loose_options(sections: object) -> None:
    for name, table in sections.items() if isinstance(sections, dict) else ():
        if not isinstance(table, dict):
            raise Wrong(
                f"handler.{ascii(name)[1:-1]}", f"must be a table; write [handler.NAME] above {ascii(name)[1:-1]} = ..."
            )


def _texts_read(
    table: object, kind: type, key: str, folder: Path, credentials: Path | None, clients: Mapping[str, Oauth2]
) -> dict[str, Any]:
    """The table with those texts read that become more than one value."""
    if not isinstance(table, dict):
        raise Wrong(key, "must be a table")
    readers: dict[tuple[type, str], Callable[[str], object]] = {
        (Settings, "database"): lambda text: read_database_url(text, folder),
        (Maildrop, "url"): lambda text: read_maildrop_url(text, folder, allow_plaintext=table.get("allow_plaintext") is True),
        (Dkim, "dns_server"): read_name_server,
        (Smtp, "url"): read_smtp_url,
        (Smtp, "from"): read_mailbox,
        (Smtp, "admin"): read_mailbox,
        (Smtp, "oauth2"): lambda name: client_named(name, clients),
        (Maildrop, "oauth2"): lambda name: client_named(name, clients),
        (Oauth2, "token_url"): read_token_url,
    }
    for section, secret in SECRETS:
        readers[section, secret] = partial(_refuse_secret, secret)
        readers[section, f"{secret}_file"] = lambda text: _credential(text, credentials)
    return {
        name: _read_text(value, readers.get((kind, name)), f"{key}.{name}" if key else name) for name, value in table.items()
    }


def _read_text(value: object, reader: Callable[[str], object] | None, key: str) -> object:
    if reader is None or isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise Wrong(key, "must be a text")
    try:
        return reader(value)
    except ValueError as error:
        raise Wrong(key, str(error)) from None


def _refuse_secret(name: str, text: str) -> str:
    raise ValueError(f"a secret must not stand in the configuration; use {name}_file")


def _credential(name: str, credentials: Path | None) -> str:
    """Where systemd has put a password (systemd.exec, LoadCredential), else the name unchanged."""
    given = credentials / name if credentials and "/" not in name else None
    return str(given) if given and given.exists() else name


def _convert(table: dict[str, Any], kind: type[_Section], key: str, folder: Path) -> _Section:
    def value(wanted: type, given: object) -> object:
        if isinstance(given, wanted):
            return given
        if wanted is Path:
            return _read_path(given, folder)
        return {Size: read_size, Seconds: read_time, Network: read_network, Rate: read_rate}[wanted](given)

    try:
        return msgspec.convert(table, kind, dec_hook=value)
    except msgspec.ValidationError as error:
        raise wrong(error, kind, key) from None


def _read_path(given: object, folder: Path) -> Path:
    if not isinstance(given, str) or not given or not given.isprintable():
        raise ValueError("must be the name of a file or folder")
    if "://" in given:
        raise ValueError(f"{given!r} is not a file or folder on this machine; name one, there is no other kind")
    return folder / given


def _refuse_readable_password(settings: Settings, set_by: Mapping[str, str]) -> None:
    if not settings.database.has_password or "database" in set_by:
        return
    if settings.file.stat().st_mode & stat.S_IROTH:
        raise Wrong("database", f"holds a password, and others may read the file; type: chmod o-rwx {settings.file}")
