"""A folder that is selected on an IMAP server, and the way in which questions are put to it."""

from __future__ import annotations

import contextlib
import imaplib
import logging
from collections.abc import Callable
from typing import TypeVar

from imapclient import IMAPClient

from mailproc.errors import Away, SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap_connection import Connection, connect
from mailproc.maildrops.imap_words import TROUBLE, passing, reason, refused

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_GOODBYE_SECONDS = 5.0

_DROPPED = (imaplib.IMAP4.abort, OSError)

# A server that hangs up on some messages costs a connection for each; one that hangs up on everything is away.
_MOST_RECONNECTS = 10


class Unanswered(Away):
    """A question that was put to a working server in vain; `SelectedFolder.recover` tells whether another may be put."""

    def __init__(self, account: Account, reason: str) -> None:
        super().__init__(f"{account}: {reason}")
        self.reason = reason


class SelectedFolder:
    """A folder of an account: selected, or examined when ``readonly``.

    A connection that drops is made again, and the question is repeated once; so a question must be one that may be
    repeated. In its life a folder connects again at most ten times. ``uidvalidity`` and ``exists`` (the number of messages)
    are as of the latest SELECT.
    """

    def __init__(self, account: Account, folder: str, *, readonly: bool) -> None:
        self.account = account
        self.folder = folder
        self.readonly = readonly
        self.uidvalidity: int | None = None
        self.exists = 0
        self._reconnects = 0
        self._connection: Connection | None = connect(account)
        self.capabilities = self._connection.capabilities
        self.select()

    def select(self) -> None:
        """Select the folder (again); what was selected is left without an expunge."""
        self.ask(self._select)

    def ask(self, question: Callable[[IMAPClient], _T], octets: int | None = 0, *, repeat: bool = True) -> _T:
        """The server's answer to a question that expects ``octets`` of mail; None is for one that expects nothing but news.

        Errors: `Unanswered` when the server refuses, when its answer cannot be read, or when the connection drops again (or
        for the first time, without ``repeat``); `Away` when it cannot be made again.
        """
        try:
            try:
                return self._ask_once(question, octets)
            except _DROPPED as error:
                if not repeat or self._reconnects >= _MOST_RECONNECTS:
                    raise
                self._reconnect(error)
                return self._ask_once(question, octets)
        except TROUBLE as error:
            if not refused(error):
                self._hang_up()
            raise Unanswered(self.account, reason(error)) from error

    def has_news(self) -> bool:
        """Whether the server has said, beside its latest answer, that the folder is not as it was at the latest SELECT.

        It says so once, with any answer, and IDLE does not repeat it (RFC 9051 section 7.4.1).
        """
        told = self._connection.client._imap.untagged_responses if self._connection else {}
        return "EXPUNGE" in told or any(number != b"%d" % self.exists for number in told.get("EXISTS", ()))

    def recover(self, error: Unanswered) -> None:
        """Connect again where an unanswered question has cost the connection; raises `Away` when the server is."""
        if self._connection is None:
            if self._reconnects >= _MOST_RECONNECTS:
                raise Away(f"{error}; the connection was lost too often") from error
            self._reconnect(error.__cause__ or error)

    def close(self) -> None:
        """Say goodbye, within a few seconds; the work is done, so that nothing that happens here is an error."""
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(Exception):
            failpoint("logout")
            connection.client.socket().settimeout(_GOODBYE_SECONDS)
            if "UNSELECT" in connection.capabilities:
                connection.client.unselect_folder()
            connection.client.logout()
        self._hang_up()

    def _ask_once(self, question: Callable[[IMAPClient], _T], octets: int | None) -> _T:
        if self._connection is None:
            raise Away(f"{self.account}: the connection is closed")
        self._connection.meter.allow(octets)
        # imaplib hoards the notices about other clients' work that nobody asks it for.
        self._connection.client._imap.untagged_responses.clear()
        return question(self._connection.client)

    def _select(self, client: IMAPClient) -> None:
        failpoint("select")
        try:
            facts = client.select_folder(self.folder, readonly=self.readonly)
        except imaplib.IMAP4.readonly:
            raise SettingsError(
                f"{self.account}: the folder {self.folder} is read-only for {self.account.username}, so that processed "
                "mail could not be removed; give the user the right to delete"
            ) from None
        except imaplib.IMAP4.error as error:
            if isinstance(error, imaplib.IMAP4.abort) or passing(error) or self._flooded():
                raise
            raise SettingsError(f"{self.account}: the folder {self.folder} cannot be opened: {reason(error)}") from None
        self.exists = facts.get(b"EXISTS", 0)
        self.uidvalidity = facts.get(b"UIDVALIDITY") or None
        if self.uidvalidity is None:
            raise Away(f"{self.account}: the folder {self.folder} has no UIDVALIDITY, so its messages have no identity")

    def _flooded(self) -> bool:
        return self._connection is not None and self._connection.meter.exceeded

    def _reconnect(self, error: BaseException) -> None:
        """Connect and select again; the uids in our hands are of no use if their validity has changed meanwhile."""
        _log.warning("%s: connecting again: %s", self.account, reason(error))
        self._reconnects += 1
        self._hang_up()
        before = self.uidvalidity
        self._connection = connect(self.account)
        try:
            self._ask_once(self._select, 0)
        except TROUBLE as trouble:
            self._hang_up()
            raise Away(f"{self.account}: {reason(trouble)}") from trouble
        if before not in (None, self.uidvalidity):
            self._hang_up()
            raise Away(f"{self.account}: the UIDVALIDITY of {self.folder} has changed from {before} to {self.uidvalidity}")

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.hang_up()
