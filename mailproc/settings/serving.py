"""The keys of ``[serve]``: where mail is taken in by SMTP and LMTP, from whom, and how much at once."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

import msgspec

from mailproc.settings.quantities import Seconds, read_time

HOSTNAME = re.compile(r"[!-'*-~]{1,255}")  # a domain or an address literal; no blanks, and no parentheses that begin a comment
_RATE = re.compile(r"(\d{1,9})/([^/]{1,12})")


class Network(str):
    """A network as `ipaddress.ip_network` reads it, such as ``192.0.2.0/24``."""


class Rate(tuple[int, float]):
    """A number of messages, and the seconds in which there may be no more."""


class Serve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[serve]``; times are in seconds. ``listen`` is read by the adapter that listens, ``user`` is whom root becomes."""

    listen: tuple[str, ...] = ("127.0.0.1:8025",)
    mode: Literal["inline", "spool"] = "inline"
    work: bool = True
    hostname: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    require_tls: bool = False
    auth: Literal["off", "optional", "required"] = "optional"
    relay_from: tuple[Network, ...] = ()
    proxy_from: tuple[Network, ...] = ()
    user: str | None = None
    workers: int = 2
    max_connections: int = 100
    max_connections_per_address: int = 10
    max_recipients: int = 100
    timeout: Seconds = Seconds(300)
    rate: tuple[Rate, ...] = ()
    smtp_class: str | None = None
    smtp_parameters: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not self.listen:
            raise ValueError(".listen: must name at least one HOST:PORT")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(".tls_cert: needs tls_key beside it, and that needs tls_cert; give both or neither")
        if self.require_tls and self.tls_cert is None:
            raise ValueError(".require_tls: needs a certificate; give tls_cert and tls_key")
        if self.auth == "required" and self.tls_cert is None and self.smtp_parameters.get("auth_require_tls", True):
            raise ValueError(".auth: nobody can log in without TLS, and required refuses all others; give tls_cert and tls_key")
        if self.hostname is not None and not HOSTNAME.fullmatch(self.hostname):
            raise ValueError(f".hostname: {self.hostname!r} is no name of a host; write it like mx.example.org")
        for key in ("workers", "max_connections", "max_connections_per_address", "max_recipients"):
            if not 1 <= getattr(self, key) <= 100_000:
                raise ValueError(f".{key}: must be from 1 to 100000")


def read_network(text: object) -> Network:
    """The network that ``text`` names, as in ``10.0.0.0/8`` or ``::1``; raises ValueError."""
    try:
        return Network(ip_network(str(text)))
    except ValueError as error:
        raise ValueError(f"{error}; write it like 192.0.2.0/24 or 2001:db8::1") from None


def read_rate(text: object) -> Rate:
    """The rate that ``text`` names, as in ``"50/60 s"``; raises ValueError."""
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) < 1:
        raise ValueError(f'{text!r} is not a rate; write it like "50/60 s" or "600/1 h"')
    return Rate((int(match[1]), float(read_time(match[2]))))
