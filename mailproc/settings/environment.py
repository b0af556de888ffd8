"""Keys of the configuration that the environment overrides: ``MAILPROC_`` and the path of the key in upper case.

``smtp.url`` is ``MAILPROC_SMTP_URL``; a maildrop goes by its name, as in ``MAILPROC_MAILDROP_MAIN_URL``. Only single
values can be given, no lists. A password is read from here and never from the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from msgspec import Struct
from msgspec.structs import fields

from mailproc.settings.explaining import Wrong, did_you_mean
from mailproc.settings.keys import Dkim, Limits, Log, Maildrop, Openpgp, Settings, Smtp
from mailproc.settings.oauth2 import Oauth2
from mailproc.settings.passwords import Secret
from mailproc.settings.serving import Serve

Path = tuple[str | int, ...]

# They steer the program and are no keys.
_NOT_KEYS = {"MAILPROC_CONFIG", "MAILPROC_FAILPOINT"}
SECTIONS: dict[str, type[Struct]] = {
    "smtp": Smtp,
    "openpgp": Openpgp,
    "dkim": Dkim,
    "log": Log,
    "limits": Limits,
    "serve": Serve,
}


def override(tables: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Put the values of the environment into ``tables``; answers which variable set which key. Raises `Wrong`."""
    if not any(name.startswith("MAILPROC_") for name in environ):
        return {}
    known = {_variable(path, tables): (path, kind) for path, kind in _single_values(tables)}
    set_by = {}
    for name in sorted(environ):
        if name in known:
            path, kind = known[name]
            _put(tables, path, _value(environ[name], kind))
            set_by[_key(path)] = name
        elif name.startswith("MAILPROC_") and name not in _NOT_KEYS:
            _refuse_misspelt(name, list(known))
    return set_by


def _single_values(tables: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    yield from _of((), Settings, leave_out={"file", *SECTIONS, "maildrop", "oauth2", "domains", "handler"})
    for name, section in SECTIONS.items():
        yield from _of((name,), section)
    for index, maildrop in enumerate(tables.get("maildrop", [])):
        if isinstance(maildrop, dict):
            yield from _of(("maildrop", index), Maildrop, leave_out={"name", "after"})
    oauth2 = tables.get("oauth2")
    for name in oauth2 if isinstance(oauth2, dict) else ():
        yield from _of(("oauth2", name), Oauth2, leave_out={"name", "cache"})


def _of(section: Path, kind: type[Struct], leave_out: set[str] = frozenset()) -> Iterator[tuple[Path, Any]]:  # type: ignore[assignment]
    for field in fields(kind):
        if field.encode_name not in leave_out and get_origin(field.type) not in (tuple, dict):
            yield (*section, field.encode_name), field.type


def _variable(path: Path, tables: dict[str, Any]) -> str:
    parts = [str(part) for part in path]
    if path[0] == "maildrop":
        parts[1] = str(tables["maildrop"][path[1]].get("name", "main"))
    return "_".join(["MAILPROC", *parts]).upper().replace("-", "_")


def _key(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _value(text: str, kind: Any) -> Any:
    if kind is int and text.isascii() and text.isdigit():
        return int(text)
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    return Secret(text) if kind == Secret | None else text


def _put(tables: dict[str, Any], path: Path, value: Any) -> None:
    table: Any = tables
    for part in path[:-1]:
        table = table[part] if isinstance(part, int) else table.setdefault(part, {})
    if isinstance(table, dict):
        table[path[-1]] = value


def _refuse_misspelt(name: str, known: list[str]) -> None:
    hint = did_you_mean(name, known, cutoff=0.9)
    if hint:
        raise Wrong(name, f"there is no such variable{hint}")
