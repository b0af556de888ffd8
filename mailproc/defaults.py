"""What a domain drops, and what proves a sender there, unless its section of the configuration says otherwise."""

from __future__ import annotations

from typing import Literal

Drop = Literal["bounce", "report", "auto-reply", "auto-generated", "bulk", "list", "loop"]
Method = Literal["openpgp", "dkim", "from"]

DEFAULT_DROP: tuple[Drop, ...] = ("bounce", "report", "auto-reply", "auto-generated", "bulk", "loop")
DEFAULT_TRUST: tuple[Method, ...] = ("openpgp", "dkim", "from")
