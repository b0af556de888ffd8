"""The keys of a login with OAuth 2.0: ``[oauth2.NAME]``, and those by which a maildrop or the relay asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from mailproc.settings.passwords import Secret, WithPassword
from mailproc.transport import is_loopback

Auth = Literal["password", "xoauth2", "oauthbearer"]


class Oauth2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[oauth2.NAME]``: a token endpoint, and who we are there.

    ``client_secret`` and ``refresh_token`` themselves come from the environment only. ``name`` and ``cache``, the file that
    keeps its tokens, are filled by the program.
    """

    name: str
    cache: Path
    token_url: str
    client_id: str
    grant: Literal["client_credentials", "refresh_token"]
    scope: str | None = None
    client_auth: Literal["body", "basic"] = "body"
    client_secret: Secret | None = None
    client_secret_file: Path | None = None
    client_secret_command: tuple[str, ...] = ()
    refresh_token: Secret | None = None
    refresh_token_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.grant == "client_credentials" and (self.refresh_token_file or self.refresh_token):
            raise ValueError('.refresh_token_file: has no use with grant = "client_credentials"; remove it')


class WithLogin(WithPassword, Protocol):
    """A section of the configuration that may log in, with a password or with a token."""

    @property
    def auth(self) -> Auth:
        """With a password, or by which mechanism with a token."""

    @property
    def token(self) -> Secret | None:
        """From the environment; it goes before the others."""

    @property
    def token_file(self) -> Path | None:
        """A file whose first line is an access token."""

    @property
    def token_command(self) -> tuple[str, ...]:
        """A program and its arguments; the first line that it writes is an access token."""

    @property
    def oauth2(self) -> Oauth2 | None:
        """Whom to ask for one."""


def read_token_url(text: str) -> str:
    """The URL of a token endpoint, unchanged. Raises ValueError with the fix."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("a URL must be of visible ASCII")
    parts = urlsplit(text)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port must be a number from 1 to 65535") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be https://HOST/PATH")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http: sends secrets in the clear; use https:")
    if parts.username is not None or parts.fragment:
        raise ValueError("neither a user name nor a # may stand in it (RFC 6749 section 3.2)")
    return text


def check_login(section: WithLogin, url: object) -> None:
    """Raise ValueError for keys of a login that contradict each other, or ``url``, that of a maildrop or a relay."""
    tokens = [key for key in ("token", "token_file", "token_command") if getattr(section, key)]
    if section.auth == "password":
        if idle := [*tokens, *(["oauth2"] if section.oauth2 else [])]:
            raise ValueError(f'.{idle[0]}: has no use with a password; write auth = "xoauth2" or auth = "oauthbearer"')
        return
    if idle := [key for key in ("password", "password_file", "password_command") if getattr(section, key)]:
        raise ValueError(f'.{idle[0]}: has no use with auth = "{section.auth}"; remove it')
    if section.oauth2 and tokens:
        raise ValueError(f".{tokens[0]}: has no use beside oauth2; remove one of them")
    if getattr(url, "username", None) is None:
        raise ValueError(f'.url: there is no user name, and auth = "{section.auth}" needs one; write it like USER@HOST')
    if getattr(url, "security", "plain") == "plain" and not is_loopback(getattr(url, "host", "")):
        raise ValueError(".url: sends the token in the clear; use TLS or STARTTLS")
