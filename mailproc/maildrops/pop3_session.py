"""A session with a POP3 server: it is as secure as it must be before the login, and its list of messages never changes."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops.account import Account, refuse_unfit, shown, tls_context
from mailproc.maildrops.pop3_client import TROUBLE, Client, Refused, reason
from mailproc.transport import Bearer, Response

_MOST_MESSAGES = 200_000
_LIST_OCTETS = 64 * 1024 * 1024
_GOODBYE_SECONDS = 5.0

_UID = re.compile(rb"(\d{1,9}) +([!-~]{1,255}) *")
_ANY_UID = re.compile(rb"(\d{1,9})(?!\d)(.*)", re.DOTALL)
_SIZE = re.compile(rb"(\d{1,9}) +(\d{1,18})(?: .*)?", re.DOTALL)

# Response codes of a refusal that passes (RFC 2449 section 8.1.1, RFC 3206 section 4).
_PASSING = {"IN-USE", "LOGIN-DELAY", "SYS/TEMP"}


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the maildrop: the number of each message in this session by its uid (UIDL), its size by its number.

    ``unfit`` are uids that tell no message from another: given to several of them, or none of RFC 1939 section 7.
    """

    numbers: dict[str, int]
    sizes: dict[int, int]
    unfit: list[str] = field(default_factory=list)


class Session:
    """A session that has logged in. Errors of its methods: `TROUBLE`, after which it is of no use any more, and `Refused`."""

    def __init__(self, account: Account) -> None:
        self._client = connect(account)
        self._account = account
        self._listing: Listing | None = None

    @property
    def listing(self) -> Listing:
        """The messages, of which the first 200,000 are looked at; raises `SettingsError` for a server that gives no uids."""
        try:
            if self._listing is None:
                self._listing = self._listed()
        except Refused as error:
            raise Away(f"{self._account}: it does not list its messages: {error}") from None
        return self._listing

    def body(self, uid: str, size: int) -> Iterator[bytes] | None:
        """The pieces of a message, or None when it has gone."""
        failpoint("fetch-body")
        number = self.listing.numbers.get(uid)
        return None if number is None else self._client.body(number, size)

    def remove(self, uids: list[str]) -> list[str]:
        """Remove those of ``uids`` that are there, all by one QUIT, which ends the session; answers those it refused.

        `Refused` is the QUIT's: then nobody knows which of them are left (RFC 1939 section 6).
        """
        failpoint("expunge")
        here = [uid for uid in uids if uid in self.listing.numbers]
        try:
            refused = [uid for uid in here if not self._delete(self.listing.numbers[uid])]
            if here:
                failpoint("pop3-quit")
                self._client.ask("QUIT")
        finally:
            self.hang_up()  # what is deleted and not confirmed must not leave by a later QUIT
        return refused

    def leave(self) -> None:
        """Say goodbye, within a few seconds; nothing is marked, so that nothing is removed."""
        with contextlib.suppress(Exception):
            failpoint("logout")
            self._client.sock.settimeout(_GOODBYE_SECONDS)
            self._client.ask("QUIT")
        self.hang_up()

    def hang_up(self) -> None:
        """End the session without another word."""
        self._client.hang_up()

    def _delete(self, number: int) -> bool:
        try:
            self._client.ask(f"DELE {number}")
        except Refused:
            return False
        return True

    def _listed(self) -> Listing:
        failpoint("search")
        numbers: dict[str, int] = {}
        unfit: dict[str, None] = {}
        for line in self._unique_ids():
            if found := _UID.fullmatch(line):
                uid = found[2].decode("ascii")
                if uid in numbers:
                    unfit[uid] = None
                numbers[uid] = int(found[1])
            elif found := _ANY_UID.fullmatch(line):
                unfit[f"number {int(found[1])} ({shown(ascii(found[2][:70]))})"] = None
            else:
                raise ValueError(line)
        return Listing({uid: at for uid, at in numbers.items() if uid not in unfit}, self._sizes(), list(unfit))

    def _unique_ids(self) -> Iterator[bytes]:
        lines = self._client.lines("UIDL", _LIST_OCTETS)
        try:
            yield from islice(lines, _MOST_MESSAGES)
        except Refused as error:
            if error.code:
                raise
            raise SettingsError(
                f"{self._account}: it gives its messages no unique ids (UIDL), without which one cannot be told from another: "
                f"{error}; use IMAP there"
            ) from None
        _drain(lines)

    def _sizes(self) -> dict[int, int]:
        failpoint("fetch-size")
        lines = self._client.lines("LIST", _LIST_OCTETS)
        found = {}
        for line in islice(lines, _MOST_MESSAGES):
            size = _SIZE.fullmatch(line)
            if size is None:
                raise ValueError(line)
            found[int(size[1])] = int(size[2])
        _drain(lines)
        return found


def connect(account: Account) -> Client:
    """A connection that has logged in; after a token that is refused a fresh one is tried, on another connection.

    Errors: `Away` when the server cannot be reached, is not trusted, or has the maildrop locked; `LoginRefused`;
    `SettingsError` for a login that cannot be sent or a missing ``ca_file``.
    """
    refuse_unfit(account)
    context = tls_context(account)
    responses = _responses(account)
    try:
        return _connected(account, context, responses)
    except LoginRefused:
        fresh = next(responses, None)  # there is none either where it was not the server that refused
        if fresh is None:
            raise
    return _connected(account, context, iter([fresh]))


def has_mail(account: Account) -> bool:
    """Whether the maildrop holds anything, by STAT; errors are those of `connect`."""
    client = connect(account)
    try:
        failpoint("search")
        number, _ = client.stat()
        client.ask("QUIT")
    except (Refused, *TROUBLE) as error:
        raise Away(f"{account}: {reason(error)}") from error
    finally:
        client.hang_up()
    return number > 0


def _drain(lines: Iterator[bytes]) -> None:
    for _ in lines:
        pass


def _responses(account: Account) -> Iterator[Response]:
    if isinstance(account.login, Bearer):
        yield from account.login.responses(account.username, account.host, account.port)


def _connected(account: Account, context: ssl.SSLContext | None, responses: Iterator[Response]) -> Client:
    try:
        failpoint("connect")
        client = Client(account, context if account.security == "tls" else None)
    except (Refused, *TROUBLE) as error:
        raise Away(f"{account}: {reason(error)}") from error
    try:
        if account.security == "starttls" and context is not None:
            _start_tls(client, account, context)
        _log_in(client, account, responses)
    except TROUBLE as error:
        client.hang_up()
        raise Away(f"{account}: {reason(error)}") from error
    except BaseException:
        client.hang_up()
        raise
    return client


def _start_tls(client: Client, account: Account, context: ssl.SSLContext) -> None:
    try:
        client.start_tls(context)
    except Refused as error:
        raise Away(f"{account}: it does not offer STLS, and we have not logged in: {error}") from None


def _log_in(client: Client, account: Account, responses: Iterator[Response]) -> None:
    failpoint("login")
    secrets: Iterable[str] = ()
    try:
        if isinstance(account.login, str):
            secrets = [account.login]
            client.ask(f"USER {account.username}")
            client.ask(f"PASS {account.login}")
        else:
            response = next(responses)
            secrets = response.secrets
            client.authenticate(account.login, response)
    except Refused as error:
        said = reason(error, secrets)
        if error.code in _PASSING:
            raise Away(f"{account}: {said}") from None
        raise LoginRefused(f"{account}: the login of {shown(account.username)} was refused: {said}") from None
    except TROUBLE as error:
        raise Away(f"{account}: {reason(error, secrets)}") from None
