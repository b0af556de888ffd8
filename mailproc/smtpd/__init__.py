"""The doors by which mail comes in by SMTP and LMTP (RFC 5321, RFC 2033): the only package that knows `aiosmtpd`.

aiosmtpd speaks the protocol; `mended` is what it lacks to be shown to the world, `limits` is what clients may take, `door`
is what aiosmtpd calls, and `Reception` is who decides. This module alone can be imported without aiosmtpd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, Protocol

from mailproc.errors import MissingProgram
from mailproc.reply import Reply

__all__ = ["Caller", "Reception", "require_aiosmtpd"]


def require_aiosmtpd() -> None:
    """Raise `MissingProgram` unless aiosmtpd is there, in a version without the holes of those before (CVE-2024-34083)."""
    try:
        found = tuple(int(part) for part in version("aiosmtpd").split(".")[:3])
    except (PackageNotFoundError, ValueError):
        found = ()
    if found < (1, 4, 6):
        raise MissingProgram("serve needs aiosmtpd 1.4.6 or newer; type: pip install 'mailproc[smtp]'")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has called: the session of a client as far as a decision may need it.

    peer      the client's address as text, a proxy's client where a PROXY header has said so, "" at a Unix socket
    user      the name that was proved by AUTH (RFC 4954), or None
    tls       whether the connection is encrypted now
    helo      what the client calls itself; any text, "" before its greeting
    protocol  ``smtp`` or ``lmtp``
    """

    peer: str
    user: str | None = None
    tls: bool = False
    helo: str = ""
    protocol: Literal["smtp", "lmtp"] = "smtp"


class Reception(Protocol):
    """Who decides what a client is told.

    `Transient` is answered ``451 4.3.0``. Anything else that is raised goes to `broken`, and the client is told ``451 4.3.0``
    with the id, never a text of the exception; the envelope is forgotten and the session goes on. A method is cancelled when
    its client is gone or the server's time to stop has run out; then nothing was promised.
    Addresses have no brackets; the null reverse path is "" (RFC 5321 section 4.5.5).
    """

    async def recipient(self, caller: Caller, reverse_path: str, recipient: str) -> Reply:
        """The reply to RCPT; one that accepts makes the recipient one of the message."""

    async def message(self, caller: Caller, reverse_path: str, recipients: Sequence[str], raw: bytes) -> Sequence[Reply]:
        """The reply to the message: at an LMTP door one for each recipient, in their order, at an SMTP door exactly one."""

    async def login(self, caller: Caller, mechanism: str, username: str, password: str) -> bool:
        """Whether this is the user's password; `Transient` when that cannot be known now."""

    async def broken(self, caller: Caller, error: Exception) -> str:
        """Record a bug and answer the id of its OOPS, "" where that failed too."""
