"""Maildrops: where mail waits. Every kind answers the same questions, so that one contract test serves all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message seen in a maildrop, not yet fetched: its identity there, its size in octets, its arrival."""

    uid: str
    size: int
    arrival: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """The raw bytes of a waiting message."""

    waiting: Waiting
    raw: bytes


class Maildrop(Protocol):
    """A place that holds mail until it is removed.

    ``uidvalidity`` is None where uids never change their meaning. A uid is the text of the server's number (IMAP), a unique id
    of the server's (POP3), the name of a file (Maildir), or a digest of the message (mbox).

    POP3 and mbox have no marks: what is marked there is known to this object alone, and no other client's marks are seen. They
    have no folders: `move` raises `SettingsError`, and such an ``after`` is refused with the configuration.
    Errors: `Away` when the maildrop cannot be reached or the connection dropped, `LoginRefused`, `SettingsError`.
    A maildrop is used by one thread at a time.
    """

    name: str

    @property
    def uidvalidity(self) -> int | None:
        """The validity of the uids (RFC 3501 section 2.3.1.1); known once `uids` has been asked."""

    def uids(self) -> Sequence[str]:
        """The uids of all messages that no client has marked ``\\Deleted``, oldest first."""

    def marked(self) -> Sequence[str]:
        """The uids of all messages that are marked ``\\Deleted``, by whomever."""

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size and arrival of those of ``uids`` that are still there; no body is fetched."""

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The raw bytes of those that are still there; sets no flag."""

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the raw bytes to ``to`` in pieces of bounded size; False when the message has gone."""

    def unreadable(self) -> Sequence[str]:
        """The uids that could not be read since `uids` was asked: left out of all answers, logged as ERROR, still there."""

    def mark(self, uids: Iterable[str]) -> None:
        """Mark ours as to be deleted (UID STORE); what else is marked is left alone."""

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Remove exactly these marked uids (UID EXPUNGE, RFC 4315); answers those that have left the maildrop.

        Without UIDPLUS they go to the folder Processed by MOVE (RFC 6851) where there is one, else they stay marked.
        """

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Move these to ``folder``, which is created if missing; answers those that have left the maildrop."""

    def advice(self) -> Sequence[str]:
        """What an operator should know about the way in which mail leaves this maildrop; usually nothing."""

    def close(self) -> None:
        """Leave without removing anything (UNSELECT or LOGOUT, never CLOSE)."""
