"""What is wrong with a configuration, in one line that names the key and the fix."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec.structs import fields

from mailproc.settings.keys import NEVER_DROPPED, Maildrop, Settings, Smtp
from mailproc.settings.oauth2 import Oauth2

_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}

# Fields that the environment alone may give; beside each stands one that names its file.
SECRETS = {
    *((section, secret) for section in (Maildrop, Smtp) for secret in ("password", "token")),
    *((Oauth2, secret) for secret in ("client_secret", "refresh_token")),
}
# Fields that only the program itself fills.
_NOT_KEYS = {(Settings, "file"), (Oauth2, "name"), (Oauth2, "cache"), *SECRETS}


class Wrong(ValueError):
    """A key of the configuration is wrong; ``key`` is written like ``maildrop[0].url``, ``text`` says what is wrong."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}")
        self.key = key
        self.text = text


def wrong(error: msgspec.ValidationError, kind: Any, section: str) -> Wrong:
    """What msgspec found when it read the section called ``section`` as ``kind``, in our words.

    Without a ``kind``, since it is a plugin's, its keys and choices are not named.
    """
    text, _, path = str(error).partition(" - at `$")
    path = path.removesuffix("`")
    at = f"{section}{path}".removeprefix(".")
    if kind and (match := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL)):
        return _unknown(match[1], _kind_at(kind, path), at)
    if match := re.fullmatch(r"Object missing required field `(.*)`", text):
        return Wrong(_below(at, match[1]), "is missing")
    if match := re.fullmatch(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`", text):
        return Wrong(at, f"must be {_WORDS.get(match[1], match[1])}, not {_WORDS.get(match[2], match[2])}")
    if kind and (match := re.fullmatch(r"Invalid enum value (.*)", text, re.DOTALL)):
        end = NEVER_DROPPED.get(match[1].strip("'"))
        choices = ", ".join(_choices(_kind_at(kind, path)))
        return Wrong(at, f"{match[1]} {end} and cannot be set" if end else f"{match[1]} is not one of {choices}")
    if match := re.fullmatch(r"\.(\w+): (.*)", text, re.DOTALL):
        return Wrong(_below(at, match[1]), match[2])
    return Wrong(at, text)


def did_you_mean(name: str, known: list[str], *, cutoff: float = 0.6) -> str:
    """A hint at the known name that is nearest to a misspelt one, or ``""``."""
    import difflib  # only an error needs it

    near = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def _unknown(name: str, kind: Any, at: str) -> Wrong:
    known = [field.encode_name for field in fields(kind) if (kind, field.encode_name) not in _NOT_KEYS]
    return Wrong(_below(at, name), f"there is no such key{did_you_mean(name, known) or '; there are ' + ', '.join(known)}")


def _below(section: str, name: str) -> str:
    shown = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else ascii(name)
    return f"{section}.{shown}" if section else shown


def _kind_at(kind: Any, path: str) -> Any:
    for part in re.findall(r"\.(\w+)|\[", path):
        kind = next(field.type for field in fields(kind) if field.encode_name == part) if part else get_args(kind)[0]
    return kind


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [choice for part in get_args(kind) for choice in _choices(part)]
