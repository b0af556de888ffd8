"""How a connection to a server is secured, and to which servers it need not be."""

from __future__ import annotations

import ipaddress
from typing import Literal

Security = Literal["plain", "starttls", "tls"]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, so that what is said to it in clear is heard by nobody else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
