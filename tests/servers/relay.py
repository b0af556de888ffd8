"""A real SMTP server (aiosmtpd) on a free loopback port that keeps what it is given, and misbehaves when told to.

::

    with RelayServer() as relay:
        relay.refuse["bob@example.net"] = "550 5.1.1 no such user"
        ...
        assert [mail.rcpt_tos for mail in relay.received] == [["ann@example.com"]]
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.processes import free_port
from tests.servers.certificates import Certificate


class Received(NamedTuple):
    """A mail that the relay was given: the null path is ``""``, the data are the octets with the dots undone."""

    mail_from: str
    rcpt_tos: list[str]
    data: bytes


class RelayServer:
    """The relay and its switches, which may be turned while it runs.

    ``received``     what it was given, also when the connection was dropped before it answered
    ``refuse``       by recipient: the reply to RCPT instead of 250
    ``refuse_mail``, ``refuse_data``   the reply to every MAIL, to every content
    ``most_recipients``  how many a mail may have; to the next ones it replies ``too_many``
    ``drop_at``      recipients at whose RCPT the connection is closed
    ``refuse_words``   a content that holds these is refused
    ``drop_after_dot``   how many contents are kept and then answered by closing the connection
    ``lose_after_dot``   how many contents are not kept and answered by closing the connection
    ``hang``         seconds to wait before a content is answered
    ``hide``         words that EHLO does not say, such as ``8BITMIME`` or one mechanism of AUTH
    ``login_reply``  the reply to every login
    ``asked``        every recipient of a RCPT, taken or not
    ``clients``      the client port of each content: as many different ones as connections
    ``parameters``   the parameters of each MAIL command
    ``logins``       every name and password that was tried
    """

    def __init__(
        self,
        *,
        certificate: Certificate | None = None,
        tls: bool = False,
        login: tuple[str, str] | None = None,
        login_without_tls: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.refuse: dict[str, str] = {}
        self.refuse_mail: str | None = None
        self.refuse_data: str | None = None
        self.most_recipients: int | None = None
        self.too_many = "452 4.5.3 too many recipients"
        self.drop_at: set[str] = set()
        self.refuse_words = b""
        self.drop_after_dot = 0
        self.lose_after_dot = 0
        self.asked: list[str] = []
        self.hang = 0.0
        self.hide: set[str] = set()
        self.clients: list[int] = []
        self.parameters: list[list[str]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.login_reply: str | None = None
        self._login = login
        self._login_without_tls = login_without_tls or tls
        self._context = _server_context(certificate) if certificate else None
        self._tls = tls
        self.host = "127.0.0.1"
        self.port = free_port(self.host)
        self._controller: Controller | None = None

    def __enter__(self) -> RelayServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the same port every time."""
        if self._controller is not None:
            return
        self._controller = Controller(
            self,
            self.host,
            self.port,
            ready_timeout=10,
            ssl_context=self._context if self._tls else None,
            tls_context=None if self._tls else self._context,
            authenticator=self._authenticated,
            auth_require_tls=not self._login_without_tls,
            auth_required=self._login is not None,
            ident="test relay",
        )
        self._controller.start()

    def stop(self) -> None:
        """Be away: connections are closed and new ones refused."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def _authenticated(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        wanted = tuple(text.encode() for text in self._login or ())
        success = self.login_reply is None and (data.login, data.password) == wanted
        return AuthResult(success=success, handled=False, message=self.login_reply)

    # The hooks of aiosmtpd ----------------------------------------------------------------------------------------------

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer what is not hidden."""
        session.host_name = hostname
        offers = [line[4:].split(" ") for line in responses]
        kept = [" ".join(word for word in words if word not in self.hide) for words in offers if words[0] not in self.hide]
        return [f"250-{offer}" for offer in kept[:-1]] + [f"250 {kept[-1]}"]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the reverse path, or refuse it."""
        self.parameters.append(options)
        if self.refuse_mail:
            return self.refuse_mail
        envelope.mail_from = address or "<>"  # aiosmtpd takes an empty one for none at all
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or refuse it."""
        self.asked.append(address)
        if address in self.drop_at:
            server.transport.abort()
        if address in self.refuse:
            return self.refuse[address]
        if self.most_recipients is not None and len(envelope.rcpt_tos) >= self.most_recipients:
            return self.too_many
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the content; refuse it, answer late, or hang up."""
        if self.refuse_data:
            return self.refuse_data
        if self.lose_after_dot:
            self.lose_after_dot -= 1
            server.transport.abort()
            return "250 OK"
        content = envelope.content
        assert isinstance(content, bytes)
        if self.refuse_words and self.refuse_words in content:
            return "554 5.7.1 spam"
        self.received.append(Received((envelope.mail_from or "").replace("<>", ""), list(envelope.rcpt_tos), content))
        self.clients.append(session.peer[1])
        await asyncio.sleep(self.hang)
        if self.drop_after_dot:
            self.drop_after_dot -= 1
            server.transport.abort()
        return "250 OK"


def _server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
