"""Lists of tags and values, such as ``v=1; a=rsa-sha256`` (RFC 6376 section 3.2), and that something proves nothing."""

from __future__ import annotations

import base64
import re

from mailproc.errors import MailprocError

_BLANKS = " \t"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VALUE = re.compile(r"[!-:<-~ \t]*")
_BLANK = re.compile(r"[ \t]+")


class Unfit(MailprocError):
    """A signature or its key proves nothing, or too little; the text says why."""


def read_tags(text: str, what: str) -> dict[str, str]:
    """The values of an unfolded list of tags by their names; blanks around both are left out.

    Raises `Unfit` where the list is not well formed or has a tag twice; ``what`` is what the list is, for its text.
    """
    specs = text.split(";")
    if not specs[-1].strip(_BLANKS):
        specs.pop()  # the last tag may end with a semicolon
    tags: dict[str, str] = {}
    for spec in specs:
        name, equals, value = (part.strip(_BLANKS) for part in spec.partition("="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Unfit(f"{what} is not well formed")
        if name in tags:
            raise Unfit(f"{what} has the tag {name}= twice")
        tags[name] = value
    return tags


def read_list(value: str) -> list[str]:
    """The items of a value such as ``from : subject``, in lower case."""
    return [item.strip(_BLANKS).lower() for item in value.split(":")]


def read_base64(value: str) -> bytes | None:
    """The octets that a value stands for, which may be broken by blanks anywhere; None where it is not base64."""
    try:
        return base64.b64decode(without_blanks(value), validate=True)
    except ValueError:
        return None


def without_blanks(value: str) -> str:
    """A value that may be broken by blanks anywhere, whole."""
    return _BLANK.sub("", value)
