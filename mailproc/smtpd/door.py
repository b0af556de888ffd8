"""The door: what aiosmtpd calls when a client says something that has to be decided."""

from __future__ import annotations

from asyncio import sleep
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from mailproc.errors import Transient
from mailproc.smtpd import Reception
from mailproc.smtpd.session import Mended

REFUSALS = 20  # recipients that may be refused in a session before each further one has its client wait
SECONDS = 1.0  # that it waits: who guesses addresses, or their secret parts, is slow


class Proved(NamedTuple):
    """The name that a client has proved to have; the password is not kept."""

    login: str


class Door:
    """A handler of aiosmtpd's that asks a `Reception`."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._refusals: WeakKeyDictionary[Mended, int] = WeakKeyDictionary()

    async def handle_RCPT(  # noqa: N802
        self, server: Mended, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Ask whether a recipient is taken."""
        reply = await self._reception.recipient(server.caller(), _path(envelope.mail_from), address)
        if reply.accepts:
            envelope.rcpt_tos.append(address)
        elif not reply.passing:
            await self._slow_down(server)
        return reply.line()

    async def _slow_down(self, server: Mended) -> None:
        """Have a client wait that has been refused too often; no LMTP client, which is a mail server of our own."""
        refusals = self._refusals[server] = self._refusals.get(server, 0) + 1
        if refusals > REFUSALS and server.caller().protocol != "lmtp":
            await sleep(SECONDS)

    async def handle_DATA(self, server: Mended, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Hand the message over; at an LMTP door the replies are lines of their own (RFC 2033 section 4.2)."""
        caller, recipients, raw = server.caller(), tuple(envelope.rcpt_tos), envelope.original_content or b""
        replies = await self._reception.message(caller, _path(envelope.mail_from), recipients, raw)
        if len(replies) != (len(recipients) if caller.protocol == "lmtp" else 1):
            raise ValueError(f"{len(replies)} replies for {len(recipients)} recipients by {caller.protocol}")
        return "\r\n".join(reply.line() for reply in replies)

    async def authenticator(
        self, server: Mended, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Ask whether name and password are a user's; ``454`` where that cannot be known now (RFC 4954 section 6)."""
        try:
            if not isinstance(data, LoginPassword):
                return AuthResult(success=False, handled=False)
            name, password = data.login.decode(), data.password.decode()
            success = await self._reception.login(server.caller(), mechanism, name, password)
        except UnicodeDecodeError:
            return AuthResult(success=False, handled=False)
        except Transient:
            return AuthResult(success=False, handled=False, message="454 4.7.0 Temporary authentication failure")
        return AuthResult(success=success, handled=False, auth_data=Proved(name))


def _path(mail_from: str | None) -> str:
    return "" if mail_from in (None, "<>") else str(mail_from)
