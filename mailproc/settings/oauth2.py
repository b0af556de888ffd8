"""The keys of a login with OAuth 2.0: ``[oauth2.NAME]``, and those by which a maildrop or the relay asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from mailproc.settings.passwords import Secret
from mailproc.settings.urls import split_netloc
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


def read_token_url(text: str) -> str:
    """The URL of a token endpoint, unchanged. Raises ValueError with the fix."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("a URL must be of visible ASCII")
    parts = split_netloc(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be https://HOST/PATH")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http: sends secrets in the clear; use https:")
    if parts.username is not None or parts.fragment:
        raise ValueError("neither a user name nor a # may stand in it (RFC 6749 section 3.2)")
    return text
