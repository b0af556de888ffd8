"""A maildrop on a POP3 server (RFC 1939).

A session sees the maildrop as it was when it began, and what it deletes leaves when it ends, by QUIT. So marks are kept here
and not there, each removal ends a session, and the next question begins another one. A session that breaks before its QUIT has
removed nothing. Every question names its messages by their unique ids, so that it may be asked again in a new session: what
was removed, though its +OK was lost, is not there any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, TypeVar

from mailproc.errors import Away, SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops import Fetched, Waiting
from mailproc.maildrops.account import Account
from mailproc.maildrops.pop3_client import TROUBLE, Refused, reason
from mailproc.maildrops.pop3_session import Session

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

# A server that hangs up on some messages costs a session for each; one that hangs up on everything is away.
_MOST_RECONNECTS = 10


class _Unanswered(Away):
    """A question that was put to a working server in vain; another one may be put."""


class Pop3Drop:
    """The messages of one account; a `Maildrop`. Errors as there, and `SettingsError` for a server that gives no unique ids.

    They are asked for when they are needed, and again by each `uids`.
    """

    def __init__(self, account: Account) -> None:
        self.name = account.name
        self._account = account
        self._session: Session | None = Session(account)
        self._just_begun = True
        self._reconnects = 0
        self._marked: set[str] = set()
        self._refused: list[str] = []
        self._unreadable: list[str] = []

    @property
    def uidvalidity(self) -> int | None:
        """None: a unique id is never given again (RFC 1939 section 7)."""
        return None

    def advice(self) -> Sequence[str]:
        """Nothing: every POP3 server can delete."""
        return ()

    def uids(self) -> Sequence[str]:
        """The unique ids of what has not been marked here, in the server's order; of the first 200,000 messages."""
        if not self._just_begun:
            self._leave()
        self._just_begun = False
        self._refused, self._unreadable = [], []
        listing = self._ask(lambda session: session.listing)
        for uid in listing.unfit:
            self._leave_out(uid, "its unique id (RFC 1939 section 7) tells it from no other")
        return [uid for uid in listing.numbers if uid not in self._marked]

    def marked(self) -> Sequence[str]:
        """The unique ids of what has been marked here and is still there."""
        return [uid for uid in self._ask(lambda session: session.listing).numbers if uid in self._marked]

    def unreadable(self) -> Sequence[str]:
        """What has no fit unique id, or was refused, alone and over a working connection, since `uids` was asked."""
        if self._refused:
            refused, self._refused = self._refused, []
            self._leave()
            here = self._ask(lambda session: session.listing).numbers
            for uid in refused:
                if uid in here:
                    self._leave_out(uid, "the server refuses it")
        return self._unreadable

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size (LIST) of those that are still there; POP3 knows of no arrival, so that it is now."""
        listing = self._ask(lambda session: session.listing)
        now, out = datetime.now(UTC), {*self._refused, *self._unreadable}
        here = (uid for uid in uids if uid in listing.numbers and uid not in out)
        return [Waiting(uid, listing.sizes.get(listing.numbers[uid], 0), now) for uid in here]

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The raw bytes of those that are still there, one RETR after the other."""
        for message in waiting:
            content = BytesIO()
            copied = self._copied(message, content)
            if copied is None:
                content = BytesIO()
                copied = self.stream(message, content)
            if copied:
                yield Fetched(message, content.getvalue())

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the raw bytes to ``to`` by pieces of about 64 KiB; False when it has gone or cannot be read.

        It is read as far as the server sends it, but not further than twice its size and 1 MiB.
        """
        copied = self._copied(waiting, to)
        if copied is None:
            self._leave_out(waiting.uid, "it breaks off")
        return bool(copied)

    def mark(self, uids: Iterable[str]) -> None:
        """Remember what is to be deleted; the server hears of it when it is."""
        failpoint("store-deleted")
        self._marked.update(uids)

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Delete those that are marked, and end the session, by which they leave; answers what is there no more.

        Those that the server refuses to delete stay, and are marked no more. Raises `Away` when it does not confirm that the
        others have left.
        """
        asked = list(uids)
        wanted = [uid for uid in asked if uid in self._marked]
        here = self._ask(lambda session: session.listing).numbers
        gone = {uid for uid in asked if uid not in here}
        if not gone.issuperset(wanted):
            gone.update(self._removed(wanted))
        self._marked -= gone
        return [uid for uid in asked if uid in gone]

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Raise `SettingsError`: POP3 has no folders."""
        raise SettingsError(f"{self._account}: a POP3 maildrop has no folders, and mail cannot be moved to {folder!r} there")

    def close(self) -> None:
        """End the session without removing anything."""
        self._leave()

    def _removed(self, wanted: list[str]) -> list[str]:
        try:
            refused = self._ask(lambda session: session.remove(wanted))
        except Refused as error:
            self._hang_up()
            raise Away(f"{self._account}: it does not confirm that the deleted mail has left: {error}") from None
        self._hang_up()
        if refused:
            here = self._ask(lambda session: session.listing).numbers
            for uid in (left := {uid for uid in refused if uid in here}):
                _log.error("maildrop %s: message %s cannot be deleted; it stays there: the server refuses it", self.name, uid)
            self._marked -= left
            return [uid for uid in wanted if uid not in left]
        return wanted

    def _copied(self, message: Waiting, to: BinaryIO) -> bool | None:
        """Whether the message was written to ``to``; None when it broke off."""
        body = self._body(message)
        if body is None:
            return False
        try:
            while piece := self._next(body):
                to.write(piece)
        except _Unanswered as error:
            _log.warning("%s", error)
            return None
        except BaseException:
            self._hang_up()
            raise
        return True

    def _body(self, message: Waiting) -> Iterator[bytes] | None:
        if message.uid in (*self._refused, *self._unreadable):
            return None
        try:
            return self._ask(lambda session: session.body(message.uid, message.size))
        except Refused:
            # Whether another client was faster is not said; that is looked into when all the others have been fetched.
            self._refused.append(message.uid)
        except _Unanswered as error:
            self._leave_out(message.uid, str(error))
        return None

    def _next(self, body: Iterator[bytes]) -> bytes:
        return self._ask(lambda session: next(body, b""), repeat=False)

    def _ask(self, question: Callable[[Session], _T], *, repeat: bool = True) -> _T:
        """The answer to a question, which is put once more in a new session when the connection drops.

        Errors: `Refused`; `_Unanswered` when it drops again or the answer cannot be read; `Away` when there is no new session.
        """
        session = self._begun()
        try:
            return question(session)
        except TROUBLE as error:
            self._hang_up()
            self._reconnects += 1
            if self._reconnects > _MOST_RECONNECTS:
                raise Away(f"{self._account}: {reason(error)}; the connection was lost too often") from error
            if not repeat or not isinstance(error, OSError | EOFError):
                raise _Unanswered(f"{self._account}: {reason(error)}") from error
            _log.warning("%s: connecting again: %s", self._account, reason(error))
        return self._ask(question, repeat=False)

    def _begun(self) -> Session:
        if self._session is None:
            self._session = Session(self._account)
        return self._session

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.leave()

    def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.hang_up()

    def _leave_out(self, uid: str, why: str) -> None:
        _log.error("maildrop %s: message %s cannot be fetched; it stays there: %s", self.name, uid, why)
        self._unreadable.append(uid)
