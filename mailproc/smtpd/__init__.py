"""The doors by which mail comes in by SMTP and LMTP (RFC 5321, RFC 2033): the only package that knows `aiosmtpd`.

aiosmtpd speaks the protocol, and `Reception` is who decides.

::

    listening    where a server listens, bound before rights are dropped
    serving      serving there, and ending so that nothing which was promised is lost
    tls          the certificate
    doorstep     where a connection is let in or turned away, and gets its session
    limits       what clients may take, and the count of it
    handshake    TLS handshakes that fail
    connection   a session's seat, its time and its end, and who is at the other end
    session      aiosmtpd's SMTP and LMTP, with what they lack to be shown to the world
    reader       what a session reads: commands, and messages line by line
    replies      what a session may say: whole lines of printable ASCII
    dialogue     what an operator sees of it who looks on
    door         what aiosmtpd calls when there is something to decide
    kinds        a class of the operator's in the place of aiosmtpd's SMTP
    guest        handlers that were written for aiosmtpd or smtpd
    threads      calls that may block
    forgery      fields of a sender's that pretend to be the envelope

Of these `connection`, `session`, `doorstep`, `door` and `kinds` import aiosmtpd; the others do not, nor does this module.

One more extension of SMTP: its verbs are methods ``smtp_VERB`` of `session.Mended`, or of a class of its own that
`session.mended` puts among the bases. Its parameters of MAIL and RCPT are taken out in ``Mended._getparams``, for aiosmtpd
refuses those that it does not know. Its keyword is added by a hook ``handle_EHLO`` of `door.Door`, which then has to set
``session.host_name`` too. What is not read by lines goes through `reader`.
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
        raise MissingProgram("serve needs aiosmtpd 1.4.6 or newer; type: pip install 'aiosmtpd>=1.4.6'")


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

    `Transient` is answered ``451 4.3.0``, and of `login` ``454 4.7.0`` (RFC 4954 section 6). Anything else that is raised goes
    to `broken`, and the client is told ``451 4.3.0`` with the id, never a text of the exception; the envelope is forgotten and
    the session goes on. A method is cancelled when its client is gone or the server's time to stop has run out; then nothing
    was promised.
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
