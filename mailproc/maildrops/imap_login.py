"""Logging in at an IMAP server: with a password once; with a token once more, where there is a fresh one."""

from __future__ import annotations

import imaplib
from collections.abc import Iterable

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from mailproc.errors import Away, LoginRefused
from mailproc.failpoints import failpoint
from mailproc.maildrops.account import Account, shown
from mailproc.maildrops.imap_words import passing, said
from mailproc.transport import Bearer, Response, encoded, without


def log_in(client: IMAPClient, account: Account) -> None:
    """Log in, once the connection is as safe as it is to be.

    Raises `LoginRefused` when the server says no to us, `Away` when it cannot log us in now; what gives a token may raise
    `SettingsError` besides.
    """
    failpoint("login")
    if isinstance(account.login, Bearer):
        _with_token(client, account, account.login)
    else:
        _with_password(client, account, account.login)


def _with_password(client: IMAPClient, account: Account, password: str) -> None:
    if client.has_capability("LOGINDISABLED"):
        raise LoginRefused(f"{account}: it takes no password on this kind of connection (LOGINDISABLED); use TLS")
    plain = f"\0{account.username}\0{password}".encode()
    try:
        # LOGIN takes ASCII alone and imaplib does not quote the name; AUTHENTICATE PLAIN takes UTF-8 (RFC 4616).
        if account.username.isascii() and password.isascii():
            client.login(_quoted(account.username), password)
        else:
            client.sasl_login("PLAIN", _Exchange(plain))
    except LoginError as error:
        words = _refusal(account, error, [password, _quoted(password), encoded(plain)])
        raise LoginRefused(f"{account}: the login of {shown(account.username)} was refused: {words}") from None


def _with_token(client: IMAPClient, account: Account, bearer: Bearer) -> None:
    if not client.has_capability(f"AUTH={bearer.mechanism}"):
        offered = " ".join(sorted(name.decode("ascii", "replace") for name in client.capabilities() if name[:5] == b"AUTH="))
        raise LoginRefused(f"{account}: it offers {shown(offered) or 'no AUTH='} and not AUTH={bearer.mechanism}; change auth")
    words = ""
    for response in bearer.responses(account.username, account.host, account.port):
        if not (words := _tried(client, account, bearer, response)):
            return
    user = shown(account.username)
    raise LoginRefused(f"{account}: the token for {user} was refused: {words}; is it for this user, and of the right scope?")


def _tried(client: IMAPClient, account: Account, bearer: Bearer, response: Response) -> str:
    """Try one token; "" when we are in, else the server's words. Raises `Away`."""
    # What imapclient has for this sends the token again where the server only waits for a word after its error.
    exchange = _Exchange(response.octets, bearer.acknowledgement)
    try:
        client.sasl_login(bearer.mechanism, exchange)
    except LoginError as error:
        words = _refusal(account, error, response.secrets, refused=exchange.challenge != b"")
        return "; ".join(text for text in (_explained(exchange.challenge, response.secrets), words) if text)
    return ""


class _Exchange:
    """The client's part of AUTHENTICATE: our answers in turn; keeps the last thing that the server has asked."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.challenge = b""

    def __call__(self, challenge: bytes) -> bytes:
        self.challenge = challenge
        if not self._answers:
            raise imaplib.IMAP4.abort("it asks on and on")
        return self._answers.pop(0)


def _refusal(account: Account, error: LoginError, secrets: Iterable[str], *, refused: bool = False) -> str:
    """The words with which the login was refused; raises `Away` when it was not, unless it is known that it was."""
    cause = error.__context__ or error
    words = shown(without(said(cause), secrets))
    if isinstance(cause, imaplib.IMAP4.abort) or (isinstance(cause, imaplib.IMAP4.error) and passing(cause)):
        raise Away(f"{account}: {words}") from None
    if not refused and " command error: BAD " in words:
        raise Away(f"{account}: {words}") from None
    return words


def _explained(challenge: bytes, secrets: Iterable[str]) -> str:
    """The server's error of RFC 7628 section 3.2.2, which is JSON, in words."""
    import json  # not before there is something to say

    text = challenge.decode("utf-8", "replace")
    try:
        read = json.loads(text)
        text = ", ".join(f"{name} {value}" for name, value in read.items()) if isinstance(read, dict) else text
    except (ValueError, RecursionError):
        pass
    return shown(without(text, secrets))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
