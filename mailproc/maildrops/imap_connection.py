"""An IMAP connection: TLS before the login, limits of time, and a limit on what the server may send."""

from __future__ import annotations

import contextlib
import imaplib
import socket
import ssl
from dataclasses import dataclass

from imapclient import IMAPClient, SocketTimeout

from mailproc.errors import Away
from mailproc.failpoints import failpoint
from mailproc.maildrops.account import Account, refuse_unfit, tls_context
from mailproc.maildrops.imap_login import log_in
from mailproc.maildrops.imap_words import TROUBLE, reason

# What one command may bring besides the messages that it asks for: notices about other clients' work, a page of a search.
_SLACK_OCTETS = 16 * 1024 * 1024

# What it may bring when it is asked for nothing, such as notices of some 15,000 messages that another client removes.
_NEWS_OCTETS = 256 * 1024


class Meter:
    """Counts what the server sends; what is over the allowance ends the connection before it is read into memory.

    ``exceeded`` says that it was.
    """

    def __init__(self, imap: imaplib.IMAP4) -> None:
        self._read, self._readline = imap.read, imap.readline
        self._left = _SLACK_OCTETS

    def allow(self, octets: int | None) -> None:
        """Start anew with twice the octets of messages that are expected (a server's size may be wrong) and some more.

        None is for a question that asks for nothing but news.
        """
        self._left = _NEWS_OCTETS if octets is None else 2 * octets + _SLACK_OCTETS

    def read(self, size: int) -> bytes:
        """The next ``size`` octets."""
        self._take(size)
        return self._read(size)

    def readline(self) -> bytes:
        """The next line."""
        line = self._readline()
        self._take(len(line))
        return line

    @property
    def exceeded(self) -> bool:
        """Whether the server has sent more; then whatever failed is its fault."""
        return self._left < 0

    def _take(self, octets: int) -> None:
        self._left -= octets
        if self.exceeded:
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
    for a login that cannot be sent or a missing ``ca_file``.
    """
    refuse_unfit(account)
    context = tls_context(account)
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
            raise Away(f"{account}: it does not offer STARTTLS; we have not logged in")
        client.starttls(context)
    log_in(client, account)
    return Connection(client, meter, frozenset(name.decode("ascii", "replace") for name in client.capabilities()))


def _hang_up(client: IMAPClient) -> None:
    with contextlib.suppress(OSError):
        client.shutdown()
