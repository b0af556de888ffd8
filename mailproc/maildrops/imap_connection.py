"""An IMAP connection: TLS before the password, limits of time, and a limit on what the server may send."""

from __future__ import annotations

import contextlib
import imaplib
import socket
import ssl
from dataclasses import dataclass, field

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.failpoints import failpoint
from mailproc.transport import Security

# What one command may bring besides the messages that it asks for: notices about other clients' work, a page of a search.
_SLACK_OCTETS = 16 * 1024 * 1024

# What can go wrong with an answer: the connection, the server's own no, and what imaplib and imapclient raise on bytes that
# are no IMAP.
TROUBLE = (
    *(OSError, imaplib.IMAP4.error),
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RecursionError, MemoryError),
)

# Response codes of a NO that will not be repeated for ever (RFC 5530 section 3).
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")


@dataclass(frozen=True, slots=True)
class Account:
    """How a server is reached and who we are there; times in seconds; ``name`` is the maildrop's."""

    name: str
    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0

    def __str__(self) -> str:
        return f"maildrop {self.name}: {self.host}:{self.port}"


class Meter:
    """Counts what the server sends; what is over the allowance ends the connection before it is read into memory."""

    def __init__(self, imap: imaplib.IMAP4) -> None:
        self._read, self._readline = imap.read, imap.readline
        self._left = _SLACK_OCTETS

    def allow(self, octets: int) -> None:
        """Start anew with twice the octets of messages that are expected (a server's size may be wrong) and some more."""
        self._left = 2 * octets + _SLACK_OCTETS

    def read(self, size: int) -> bytes:
        """The next ``size`` octets."""
        self._take(size)
        return self._read(size)

    def readline(self) -> bytes:
        """The next line."""
        line = self._readline()
        self._take(len(line))
        return line

    def _take(self, octets: int) -> None:
        self._left -= octets
        if self._left < 0:
            raise imaplib.IMAP4.error("it sends more than was asked for")


@dataclass(frozen=True, slots=True)
class Connection:
    """A client that has logged in, the meter on what it reads, and what the server can do."""

    client: IMAPClient
    meter: Meter
    capabilities: frozenset[str]

    def hang_up(self) -> None:
        """End the connection without another word."""
        _hang_up(self.client)


def connect(account: Account) -> Connection:
    """A connection that has logged in.

    Errors: `Away` when the server cannot be reached or its certificate is not trusted; `LoginRefused`; `SettingsError`
    for a password that cannot be sent or a missing ``ca_file``.
    """
    if any(character in account.username + account.password for character in "\r\n\0"):
        raise SettingsError(f"{account}: a line break or NUL in the user's name or the password cannot be sent")
    context = _tls_context(account)
    try:
        failpoint("connect")
        client = _greeted(account, context)
    except TROUBLE as error:
        raise Away(f"{account}: {reason(error)}") from error
    try:
        return _logged_in(client, account, context)
    except TROUBLE as error:
        _hang_up(client)
        raise Away(f"{account}: {reason(error)}") from error
    except BaseException:
        _hang_up(client)
        raise


def one_line(text: str) -> str:
    """At most 200 characters of a server's text, on one line, without control and direction characters."""
    shown = "".join(character if character.isprintable() else " " for character in text[:1000])
    return " ".join(shown.split())[:200]


def reason(error: BaseException) -> str:
    """Why the server cannot be used now, in one line, with the remedy where there is one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {one_line(error.verify_message)}; "
            "use the name that stands in the certificate, or give the authority's certificate as the CA file"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({one_line(error.reason or str(error))}); is this the right port for this kind of TLS?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return one_line(error.strerror or str(error))
    if isinstance(error, imaplib.IMAP4.error):
        return one_line(_said(error))
    return f"its answer cannot be read: {one_line(_said(error))}"


def passing(error: imaplib.IMAP4.error) -> bool:
    """Whether the server says that its NO is for now only."""
    return any(code in _said(error).upper() for code in _PASSING)


def refused(error: BaseException) -> bool:
    """Whether the server has answered the command with NO: then the connection is as good as before."""
    return type(error) is imaplib.IMAP4.error and " failed: " in _said(error)


def _said(error: BaseException) -> str:
    first = error.args[0] if error.args else error
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def _tls_context(account: Account) -> ssl.SSLContext | None:
    if account.security == "plain":
        return None
    try:
        return ssl.create_default_context(cafile=account.ca_file)
    except OSError as error:
        raise SettingsError(f"{account}: the CA file {account.ca_file} cannot be used: {reason(error)}") from error


def _greeted(account: Account, context: ssl.SSLContext | None) -> IMAPClient:
    client = IMAPClient(
        account.host,
        account.port,
        ssl=account.security == "tls",
        ssl_context=context,
        timeout=SocketTimeout(account.connect_timeout, account.read_timeout),
    )
    # imapclient asks imaplib for its fullest debugging, which writes out every mail whether anyone reads it or not.
    client._imap.debug = 0
    client.normalise_times = False
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _logged_in(client: IMAPClient, account: Account, context: ssl.SSLContext | None) -> Connection:
    meter = Meter(client._imap)
    client._imap.read, client._imap.readline = meter.read, meter.readline
    # A server that says that we are known already leaves no room for STARTTLS (RFC 9051 section 11.1).
    if client.welcome.startswith(b"* PREAUTH"):
        raise Away(f"{account}: it greets with PREAUTH, as if we had logged in; not used")
    if account.security == "starttls":
        if not client.has_capability("STARTTLS"):
            raise Away(f"{account}: it does not offer STARTTLS; no password was sent")
        client.starttls(context)
    if client.has_capability("LOGINDISABLED"):
        raise LoginRefused(f"{account}: it takes no password on this kind of connection (LOGINDISABLED); use TLS")
    _log_in(client, account)
    return Connection(client, meter, frozenset(name.decode("ascii", "replace") for name in client.capabilities()))


def _log_in(client: IMAPClient, account: Account) -> None:
    failpoint("login")
    try:
        # LOGIN takes ASCII alone and imaplib does not quote the name; AUTHENTICATE PLAIN takes UTF-8 (RFC 4616).
        if account.username.isascii() and account.password.isascii():
            client.login(_quoted(account.username), account.password)
        else:
            client.plain_login(account.username, account.password)
    except LoginError as error:
        cause = error.__context__ or error
        # A server that repeats the command would put the password into our log.
        said = one_line(_said(cause).replace(account.password, "***"))
        if isinstance(cause, imaplib.IMAP4.abort) or passing(cause) or " command error: BAD " in said:
            raise Away(f"{account}: {said}") from None
        raise LoginRefused(f"{account}: the login of {one_line(account.username)} was refused: {said}") from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _hang_up(client: IMAPClient) -> None:
    with contextlib.suppress(OSError):
        client.shutdown()
