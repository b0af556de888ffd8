"""How a connection to a server is secured, to which servers it need not be, and how we log in there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mailproc.errors import SettingsError

Security = Literal["plain", "starttls", "tls"]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, so that what is said to it in clear is heard by nobody else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A login with an OAuth 2.0 access token in place of a password.

    ``mechanism`` is the SASL one. ``token`` gives an access token; ``token(True)`` a fresh one, after a server has refused the
    one before, or the same where there is no other. It raises `Away`, `LoginRefused` or `SettingsError`.
    """

    mechanism: Literal["XOAUTH2", "OAUTHBEARER"]
    token: Callable[[bool], str]

    def response(self, username: str, host: str, port: int, *, fresh: bool = False) -> bytes:
        """The client's first and only response, not yet in base64: RFC 7628 section 3.1, or Google's form before it.

        Raises what ``token`` does, and `SettingsError` for a name that could end its field.
        """
        if not username.isprintable():
            raise SettingsError(f"{host}:{port}: a control character in the user's name cannot be sent")
        token = self.token(fresh)
        if self.mechanism == "XOAUTH2":
            return f"user={username}\x01auth=Bearer {token}\x01\x01".encode()
        name = username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
        return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


Login = str | Bearer  # a password, or a token
