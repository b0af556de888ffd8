"""OAuth 2.0 (RFC 6749): access tokens from a token endpoint, kept until they expire."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Grant = Literal["client_credentials", "refresh_token"]
ClientAuth = Literal["body", "basic"]

LONGEST_LIFE = 86_400.0  # seconds for which a token is kept, whatever the server says

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")  # RFC 6749 appendix A.12; a blank would end it (RFC 6750 section 2.1)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks which token endpoint, and for what.

    ``name`` is what an error calls it, as ``oauth2.office``. ``client_auth`` says where the client's id and secret stand, in
    the body or as HTTP Basic (RFC 6749 section 2.3.1). The secrets are read when they are needed, which may raise `Away` or
    `SettingsError`; ``refresh_token`` is for the grant of this name only.
    """

    name: str
    token_url: str
    client_id: str
    grant: Grant
    scope: str | None = None
    client_auth: ClientAuth = "body"
    client_secret: Callable[[], str | None] = lambda: None
    refresh_token: Callable[[], str | None] = lambda: None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token endpoint gives (RFC 6749 section 5.1): ``lifetime`` in seconds, and perhaps the next refresh token."""

    access_token: str = field(repr=False)
    lifetime: float
    refresh_token: str | None = field(default=None, repr=False)


def is_token(text: str) -> bool:
    """Whether a text can be sent as an access token: visible ASCII, and not too long."""
    return _TOKEN.fullmatch(text) is not None
