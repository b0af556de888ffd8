"""Where a target is, and what must not be shown of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mailproc import Away, Errand, SettingsError
from mailproc.secrets import secret_in
from mailproc.transport import is_loopback

_TELLING = 12  # characters: so long a part of a URL may be a password


@dataclass(frozen=True, slots=True)
class Service:
    """Where a target is, and how long an errand may take there, in seconds."""

    url: str
    ca_file: Path | None
    patience: float

    @property
    def called(self) -> str:
        """What errors call it: a URL's path may be a secret, and its query too."""
        parts = urlsplit(self.url)
        return f"the chat ({parts.scheme}://{parts.netloc})"

    @property
    def secrets(self) -> frozenset[str]:
        """What a server may repeat of the URL, and nobody is to read: the path, the query, and the long ones of their parts."""
        parts = urlsplit(self.url)
        pieces = re.split("[/&=?]", f"{parts.path}?{parts.query}")
        found = {parts.path.rstrip("/"), parts.query, *(piece for piece in pieces if len(piece) >= _TELLING)}
        return frozenset(found - {""})

    def secret(self, key: str, file: Path, errand: Errand) -> str:
        """What the option ``{key}_file`` names, at the time of an errand: where it cannot be read that is the operator's, and
        must not cost a mail. Raises `Away`.
        """
        try:
            return secret_in(key, file)
        except SettingsError as error:
            errand.log.error("%s", error)
            raise Away(f"{self.called}: we cannot read our {key}_file") from None


def read_url(text: str) -> str:
    """The URL of a target, unchanged. Raises ValueError with the fix."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("url: must be of visible ASCII")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("url: its host or port is none; write it as https://HOST[:PORT][/PATH]") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("url: must be https://HOST[:PORT][/PATH]")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("url: http: sends mail and keys in the clear; use https:")
    if parts.username is not None or parts.fragment:
        raise ValueError("url: neither a user name nor a # may stand in it")
    return text


def without(secrets: frozenset[str], text: str) -> str:
    """The text with *** for each of the secrets, as it is or escaped as in a URL or in HTML."""
    if not secrets:
        return text
    longest_first = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), "***", text)


def _forms(secret: str) -> Iterator[str]:
    for plain in (secret, unquote(secret)):
        yield plain
        yield html.escape(plain)
