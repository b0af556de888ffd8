"""How a connection to a server is secured, to which servers it need not be, and how we log in there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mailproc.errors import SettingsError

if TYPE_CHECKING:
    from ssl import SSLContext

Security = Literal["plain", "starttls", "tls"]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, so that what is said to it in clear is heard by nobody else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def trusting(ca_file: str | None) -> SSLContext:
    """What verifies a server's certificate, against ``ca_file`` or the system's authorities; raises OSError for the file.

    There is one for all connections, since each holds all authorities: 0.9 MB, and 20 ms to make. A file that was renewed
    counts.
    """
    import ssl  # a run without a server needs none

    file = ca_file or ssl.get_default_verify_paths().cafile
    status = Path(file).stat() if file else None
    return _trusting(ca_file, status and (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=64)
def _trusting(ca_file: str | None, version: tuple[int, int, int] | None) -> SSLContext:
    import ssl

    return ssl.create_default_context(cafile=ca_file)


def encoded(octets: bytes) -> str:
    """A response of SASL as it goes over the line: in base64 (RFC 4648 section 4)."""
    import base64  # as above

    return base64.b64encode(octets).decode("ascii")


def without(text: str, secrets: Iterable[str]) -> str:
    """A server's words, whole as they came, without our secrets: one that repeats a command would put them into our log."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


@dataclass(frozen=True, slots=True)
class Response:
    """A client's first and only response to a mechanism of SASL, not yet in base64, and the token in it."""

    octets: bytes = field(repr=False)
    token: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, str]:
        """What no log may hold."""
        return encoded(self.octets), self.token


@dataclass(frozen=True, slots=True)
class Bearer:
    """A login with an OAuth 2.0 access token in place of a password.

    ``mechanism`` is the SASL one. ``token`` gives an access token; ``token(True)`` a fresh one, after a server has refused the
    one before, or the same where there is no other. It raises `Away`, `LoginRefused` or `SettingsError`.
    """

    mechanism: Literal["XOAUTH2", "OAUTHBEARER"]
    token: Callable[[bool], str]

    def responses(self, username: str, host: str, port: int) -> Iterator[Response]:
        """The response to try and, after its refusal, one with a fresh token, where there is another; no third.

        Raises what ``token`` does, and `SettingsError` for a name that could end its field.
        """
        if not username.isprintable():
            raise SettingsError(f"{host}:{port}: a control character in the user's name cannot be sent")
        yield (first := self._response(self.token(False), username, host, port))
        if (second := self._response(self.token(True), username, host, port)) != first:
            yield second

    @property
    def acknowledgement(self) -> bytes:
        """Our answer to the challenge that tells why a token is refused (RFC 7628 section 3.2.3; Google's form: none)."""
        return b"" if self.mechanism == "XOAUTH2" else b"\x01"

    def _response(self, token: str, username: str, host: str, port: int) -> Response:
        """That of RFC 7628 section 3.1, or Google's form before it."""
        if self.mechanism == "XOAUTH2":
            return Response(f"user={username}\x01auth=Bearer {token}\x01\x01".encode(), token)
        name = username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
        return Response(f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode(), token)


Login = str | Bearer  # a password, or a token
