"""The doors at which the table of sessions is played: each as ours, and as a bare aiosmtpd with the same parameters."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, syntax

from mailproc.errors import Away
from mailproc.reception.policy import RecipientPolicy
from mailproc.reply import Reply
from mailproc.smtpd import Caller
from mailproc.smtpd.limits import Limits, Network
from tests.smtpd.dialogue import HOSTNAME, PLAIN_OK, Server, start_aiosmtpd, start_mailproc

SECRET = "secret path /etc/x"  # what an exception says, and no client may read
NO_SUCH = Reply(550, "5.1.1", "No such address here")
FULL = Reply(452, "4.2.2", "Mailbox is full")
USERS = {"ann": "pass word", "j\u00f6rg": "\u00fc"}


def stumble(text: str) -> None:
    """Have a bug, or something that is away, where a text says so."""
    if "boom" in text:
        raise ValueError(SECRET)
    if "away" in text:
        raise Away(SECRET)


@dataclass
class Told:
    """A `Reception` that does what names say: ``boom`` is a bug, ``away`` is away, ``nobody`` and ``full`` are not taken."""

    policy: RecipientPolicy | None = None
    asked: list[Caller] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)

    async def recipient(self, caller: Caller, reverse_path: str, recipient: str) -> Reply:
        """The policy's reply, or what the local part says."""
        self.asked.append(caller)
        if self.policy:
            return self.policy.reply(recipient, may_relay=False)
        stumble(recipient)
        return NO_SUCH if recipient.startswith("nobody@") else PLAIN_OK

    async def message(self, caller: Caller, reverse_path: str, recipients: Sequence[str], raw: bytes) -> Sequence[Reply]:
        """Full mailboxes are told to LMTP."""
        stumble(raw.decode("latin-1"))
        self.messages.append(handed_over(reverse_path, recipients, raw))
        return [told_of(recipient) for recipient in recipients] if caller.protocol == "lmtp" else [PLAIN_OK]

    async def login(self, caller: Caller, mechanism: str, username: str, password: str) -> bool:
        """The users and their passwords."""
        stumble(username)
        return USERS.get(username) == password

    async def broken(self, caller: Caller, error: Exception) -> str:
        """Record, and answer an id."""
        self.bugs.append(error)
        return "OOPS-TEST-1"


class Plain:
    """The same as a handler of aiosmtpd's."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """What the local part says."""
        stumble(address)
        if address.startswith("nobody@"):
            return NO_SUCH.line()
        envelope.rcpt_tos.append(address)
        return PLAIN_OK.line()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """One reply, for aiosmtpd knows no more."""
        stumble(envelope.content.decode("latin-1"))
        path = "" if envelope.mail_from == "<>" else envelope.mail_from
        self.messages.append(handed_over(path, envelope.rcpt_tos, envelope.content))
        return PLAIN_OK.line()

    async def handle_PROXY(self, *_: Any) -> bool:  # noqa: N802
        """aiosmtpd believes nobody without it."""
        return True

    def authenticator(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """The users and their passwords."""
        name = data.login.decode()
        stumble(name)
        return AuthResult(success=USERS.get(name) == data.password.decode(), handled=False, auth_data=data)


class Tripwire:
    """A handler of aiosmtpd's with a bug in each hook, which shows where a client says ``boom``, or calls itself so."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, host: str, lines: list[str]) -> list[str]:  # noqa: N802
        """Greet."""
        stumble(host)
        session.host_name = host
        return lines

    async def handle_HELO(self, server: Any, session: Any, envelope: Any, host: str) -> str:  # noqa: N802
        """Greet."""
        stumble(host)
        session.host_name = host
        return f"250 {server.hostname}"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, path: str, options: list[str]) -> str:  # noqa: N802
        """Take the reverse path, and then stumble: it must not stay."""
        envelope.mail_from = path
        stumble(path)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, path: str, options: list[str]) -> str:  # noqa: N802
        """Take the recipient, and then stumble: it must not stay."""
        envelope.rcpt_tos.append(path)
        stumble(path)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take the message."""
        stumble(envelope.content.decode())
        self.messages.append(handed_over(envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"

    async def handle_NOOP(self, server: Any, session: Any, envelope: Any, arg: str | None) -> str:  # noqa: N802
        """Do nothing."""
        stumble(arg or "")
        return "250 OK"

    async def handle_VRFY(self, server: Any, session: Any, envelope: Any, address: str) -> str:  # noqa: N802
        """Know nobody."""
        stumble(address)
        return "252 Perhaps"

    async def handle_RSET(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Stumble over who it is, for there is nothing else that a client says here."""
        if session.host_name == "rset.invalid":
            raise ValueError(SECRET)
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Stumble over who it is."""
        if session.host_name == "quit.invalid":
            raise ValueError(SECRET)
        return "221 Bye"

    async def handle_AUTH(self, server: Any, session: Any, envelope: Any, args: list[str]) -> str:  # noqa: N802
        """Believe nobody."""
        stumble(args[-1])
        return "535 5.7.8 Not you"

    def handle_STARTTLS(self, server: Any, session: Any, envelope: Any) -> bool:  # noqa: N802
        """Stumble always: there is nothing that a client says here."""
        raise ValueError(SECRET)


class Speechless:
    """A handler of aiosmtpd's that forgets to answer."""

    async def handle_NOOP(self, *_: Any) -> None:  # noqa: N802
        """Answer nothing."""


class Ping(SMTP):
    """An operator's class with a verb of its own."""

    @syntax("PING [ignored]")
    async def smtp_PING(self, arg: str) -> None:  # noqa: N802
        """Answer."""
        await self.push("259 Pong")

    @syntax("COUNT <number>")
    async def smtp_COUNT(self, arg: str) -> None:  # noqa: N802
        """Have the bug that everybody has."""
        await self.push(f"259 {int(arg) + 1}")


def handed_over(path: str, recipients: Sequence[str], raw: bytes) -> bytes:
    """A message as the table says it."""
    return f"{path or '<>'} > {', '.join(recipients)} | ".encode() + raw


def told_of(recipient: str) -> Reply:
    """What LMTP is told of a recipient's mailbox."""
    return FULL if recipient.startswith("full@") else PLAIN_OK


@dataclass(frozen=True)
class Doorway:
    """How a door is made: ``parameters`` are aiosmtpd's, ``handler`` is one of aiosmtpd's own, ``ehlo`` what is offered.

    ``tls`` is a certificate for STARTTLS, or for a connection that begins so.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    lmtp: bool = False
    tls: Literal["", "starttls", "implicit"] = ""
    limits: Limits = field(default_factory=Limits)
    proxies: Sequence[Network] = ()
    kind: type[SMTP] = SMTP
    handler: Callable[[], Any] | None = None
    policy: bool = False
    ehlo: tuple[str, ...] = ("SIZE 26214400", "8BITMIME", "SMTPUTF8", "HELP")

    def greeting(self) -> str:
        """The reply to EHLO."""
        words = [HOSTNAME, *self.ehlo]
        return "\r\n".join(f"250{'-' if word != words[-1] else ' '}{word}" for word in words)

    def ours(self, reception: Told, certificate: ssl.SSLContext, handler: Any) -> Server:
        """Our server."""
        tls = certificate if self.tls == "implicit" else None
        options: dict[str, Any] = {
            "lmtp": self.lmtp,
            "limits": self.limits,
            "proxies": self.proxies,
            "kind": self.kind,
            "tls": tls,
        }
        return start_mailproc(reception, handler=handler, **options, **self._parameters(certificate))

    def bare(self, handler: Any, certificate: ssl.SSLContext) -> Server:
        """The other one."""
        tls = certificate if self.tls == "implicit" else None
        parameters = {"authenticator": getattr(handler, "authenticator", None)} | self._parameters(certificate)
        return start_aiosmtpd(handler, kind=self.kind, lmtp=self.lmtp, tls=tls, **parameters)

    def _parameters(self, certificate: ssl.SSLContext) -> dict[str, Any]:
        return self.parameters | ({"tls_context": certificate} if self.tls == "starttls" else {})


LOOPBACK = ip_network("127.0.0.0/8")

SIZE, BITS, UTF8, STARTTLS, AUTH, HELP = "SIZE 26214400", "8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH LOGIN PLAIN", "HELP"
BEFORE_TLS = (SIZE, BITS, UTF8, STARTTLS, HELP)
WITH_AUTH = (SIZE, BITS, UTF8, AUTH, HELP)

DOORWAYS = {
    "smtp": Doorway(),
    "ascii": Doorway({"enable_SMTPUTF8": False}, ehlo=(SIZE, BITS, HELP)),
    "small": Doorway({"data_size_limit": 1500}, ehlo=("SIZE 1500", BITS, UTF8, HELP)),
    "unlimited": Doorway({"data_size_limit": None}, ehlo=(BITS, UTF8, HELP)),
    "calls": Doorway({"command_call_limit": {"*": 2, "NOOP": 3}}),
    "crowded": Doorway(limits=Limits(recipients=2)),
    "ping": Doorway(kind=Ping),
    "tripwire": Doorway({"auth_require_tls": False}, handler=Tripwire, ehlo=WITH_AUTH),
    "speechless": Doorway(handler=Speechless),
    "relay": Doorway(policy=True),
    "lmtp": Doorway(lmtp=True),
    "small lmtp": Doorway({"data_size_limit": 1500}, lmtp=True, ehlo=("SIZE 1500", BITS, UTF8, HELP)),
    "starttls": Doorway(tls="starttls", ehlo=BEFORE_TLS),
    "require tls": Doorway({"require_starttls": True}, tls="starttls", ehlo=BEFORE_TLS),
    "broken tls": Doorway(handler=Tripwire, tls="starttls", ehlo=BEFORE_TLS),
    "smtps": Doorway(tls="implicit", ehlo=WITH_AUTH),
    "auth": Doorway({"auth_require_tls": False}, ehlo=WITH_AUTH),
    "require auth": Doorway({"auth_require_tls": False, "auth_required": True}, ehlo=WITH_AUTH),
    "proxy": Doorway({"proxy_protocol_timeout": 5.0}, proxies=[LOOPBACK]),
    "stranger's proxy": Doorway({"proxy_protocol_timeout": 5.0}),
}
