"""An account at a server that holds mail: how it is reached, who we are there, and what goes wrong on the way to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from mailproc.errors import SettingsError
from mailproc.transport import Login, Security, is_loopback, trusting


@dataclass(frozen=True, slots=True)
class Account:
    """How a server is reached and who we are there; times in seconds; ``name`` is the maildrop's.

    ``security`` is ``tls`` (RFC 8314), ``starttls`` or ``plain``; certificates are verified, against ``ca_file`` where it is
    given.
    """

    name: str
    host: str
    port: int
    security: Security
    username: str
    login: Login = field(repr=False)
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0

    def __str__(self) -> str:
        return f"maildrop {self.name}: {self.host}:{self.port}"


def refuse_unfit(account: Account) -> None:
    """Raise `SettingsError` for a login that cannot be sent on one line, or a token that would travel in clear."""
    if isinstance(account.login, str):
        if any(character in account.username + account.login for character in "\r\n\0"):
            raise SettingsError(f"{account}: a line break or NUL in the user's name or the password cannot be sent")
    elif not account.username.isprintable():
        raise SettingsError(f"{account}: a control character in the user's name cannot be sent")
    elif account.security == "plain" and not is_loopback(account.host):
        raise SettingsError(f"{account}: the token would travel in clear; use TLS or STARTTLS")


def tls_context(account: Account) -> ssl.SSLContext | None:
    """What verifies the server's certificate; None for a connection in clear. Raises `SettingsError` for its CA file."""
    if account.security == "plain":
        return None
    try:
        return trusting(account.ca_file)
    except OSError as error:
        file = account.ca_file or ssl.get_default_verify_paths().cafile
        raise SettingsError(f"{account}: the CA file {file} cannot be used: {network_reason(error)}") from error


def network_reason(error: OSError) -> str:
    """Why the server cannot be reached, in one line, with the remedy where there is one."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {shown(error.verify_message)}; "
            "use the name that stands in the certificate, or give the authority's certificate as the CA file"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({shown(error.reason or str(error))}); is this the right port for this kind of TLS?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return shown(error.strerror or str(error))


def shown(text: str) -> str:
    """A server's text as one line of at most 200 characters that a log may hold."""
    from mailproc.reading.display import one_line  # not for an empty run, which has nothing to tell

    return one_line(text)
