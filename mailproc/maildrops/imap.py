"""A folder on an IMAP server, on imapclient.

It removes nothing but what it is told to: bodies are fetched with PEEK, messages that another client has marked
``\\Deleted`` are left alone, and neither a plain EXPUNGE nor a CLOSE is ever sent, for both remove what others have marked
(RFC 9051 sections 6.4.2 and 6.4.3). A connection that drops is made again, and its command repeated once: every command
names its uids, so that twice is as good as once. A message that the server cannot deliver is left out, and its neighbours
are fetched one by one.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, TypeVar

from imapclient import IMAPClient

from mailproc.errors import SettingsError
from mailproc.maildrops import Fetched, Waiting
from mailproc.maildrops import imap_commands as commands
from mailproc.maildrops.account import Account
from mailproc.maildrops.imap_folder import SelectedFolder, Unanswered
from mailproc.maildrops.sequence_set import UidList, chunks, sequence_set

# Where processed mail goes on a server that can move messages, but cannot expunge ours alone.
PROCESSED = "Processed"

# imaplib takes no line above 1,000,000 octets; so many uids have at most 110,000.
_PAGE_MESSAGES = 10_000
_MOST_MESSAGES = 1_000_000

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Fetch = Callable[[list[int], IMAPClient], dict[int, dict[bytes, Any]]]


def open_imap(account: Account, folder: str = "INBOX", *, readonly: bool = False) -> ImapDrop:
    """The maildrop that ``folder`` of an account is, logged in and selected (EXAMINE when ``readonly``).

    Errors: `Away`, `LoginRefused`, and `SettingsError` for a folder that is missing, or read-only though we want to delete.
    """
    return ImapDrop(SelectedFolder(account, folder, readonly=readonly))


class ImapDrop:
    """The messages of one selected folder; a `Maildrop`, made by `open_imap`."""

    def __init__(self, folder: SelectedFolder) -> None:
        self.name = folder.account.name
        self._folder = folder
        self._just_selected = True
        self._folders_seen: set[str] = set()
        self._unreadable: list[str] = []

    @property
    def uidvalidity(self) -> int | None:
        """The validity of the uids that `uids` has answered."""
        return self._folder.uidvalidity

    def capabilities(self) -> frozenset[str]:
        """What the server says that it can do, in upper case."""
        return self._folder.capabilities

    def advice(self) -> list[str]:
        """What an operator should know about this server's way of deleting; empty when it can do all that we need."""
        if "UIDPLUS" in self.capabilities():
            return []
        if "MOVE" in self.capabilities():
            return [f"no UIDPLUS: processed mail goes to the folder {PROCESSED} instead of being expunged; empty it at times"]
        return ["neither UIDPLUS nor MOVE: processed mail stays in the folder, marked \\Deleted; expunge it at times"]

    def uids(self) -> Sequence[str]:
        """The uids of what no client has marked ``\\Deleted``, in rising order; at most the first million."""
        self._unreadable = []
        return self._search("UNDELETED")

    def unreadable(self) -> Sequence[str]:
        """The uids whose FETCH has failed, alone and on a working connection, since `uids` was asked."""
        return self._unreadable

    def marked(self) -> Sequence[str]:
        """The uids of what is marked ``\\Deleted``, by whomever, in rising order; at most the first million."""
        return self._search("DELETED")

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size and arrival of those that are still there, in the order of ``uids``."""
        found: dict[str, Waiting] = {}
        for numbers in chunks(map(int, uids)):
            for number, facts in self._fetched(commands.sizes, dict.fromkeys(numbers, 0)).items():
                size = facts.get(b"RFC822.SIZE")
                if isinstance(size, int):
                    found[str(number)] = Waiting(str(number), size, commands.arrival(facts.get(b"INTERNALDATE")))
        return [found[uid] for uid in uids if uid in found]

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The raw bytes of those that are still there, by one FETCH: the caller bounds the sum of the sizes."""
        sizes = {int(message.uid): message.size for message in waiting}
        for numbers in chunks(sizes):
            bodies = self._fetched(commands.bodies, {number: sizes[number] for number in numbers})
            for message in waiting:
                body = bodies.pop(int(message.uid), {}).get(b"BODY[]")
                # NIL is how a server says that another client has expunged it; nothing in place of something is no mail.
                if isinstance(body, bytes) and (body or message.size == 0):
                    yield Fetched(message, body)

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the raw bytes to ``to`` by FETCHes of 1 MiB (RFC 9051 section 6.4.5); False when the message has gone or
        cannot be read.
        """
        try:
            return self._stream(waiting, to)
        except Unanswered as error:
            self._folder.recover(error)
            self._leave_out(int(waiting.uid), error)
            return False

    def _stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        offset = 0
        while offset <= 2 * waiting.size + commands.PIECE_OCTETS:
            piece = self._folder.ask(partial(commands.piece, int(waiting.uid), offset), commands.PIECE_OCTETS)
            if piece is None:
                return 0 < waiting.size <= offset
            to.write(piece)
            offset += len(piece)
            if len(piece) < commands.PIECE_OCTETS:
                return offset > 0 or waiting.size == 0
        raise Unanswered(self._folder.account, f"it is more than twice as long as its size, {waiting.size}")

    def mark(self, uids: Iterable[str]) -> None:
        """Mark ours as to be deleted, by UID STORE; no other flag is changed."""
        for numbers in chunks(map(int, uids)):
            self._folder.ask(partial(commands.mark, sequence_set(numbers)))

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Remove those of ``uids`` that are marked, by UID EXPUNGE (RFC 4315 section 2.1); answers what has gone.

        Without UIDPLUS they are moved to the folder `PROCESSED`; without MOVE too they stay, marked, and nothing is
        answered.
        """
        if "UIDPLUS" in self.capabilities():
            return self._remove(uids, commands.expunge)
        if "MOVE" in self.capabilities():
            return self.move(self._still_marked(uids), PROCESSED)
        return []

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Move these to ``folder``; answers what has left. A connection cut in the middle may leave two, never none.

        Errors: `SettingsError` when the folder cannot be created or is this one.
        """
        if folder == self._folder.folder or folder.upper() == self._folder.folder.upper() == "INBOX":
            raise SettingsError(f"{self._folder.account}: mail cannot be moved from {folder} to itself")
        if folder not in self._folders_seen:
            self._folder.ask(partial(commands.create, self._folder.account, folder))
            self._folders_seen.add(folder)
        return self._remove(uids, partial(commands.move, folder, self.capabilities()))

    def has_news(self) -> bool:
        """Whether the server has said, beside its latest answer, that the folder has changed since `uids` was asked."""
        return self._folder.has_news()

    def ask(self, question: Callable[[IMAPClient], _T]) -> _T:
        """The answer to a question for news that is put once, with the folder selected; raises `Away` when there is none."""
        return self._folder.ask(question, None, repeat=False)

    def close(self) -> None:
        """Log out, within a few seconds; whatever happens meanwhile is no error, for the work is done."""
        self._folder.close()

    def _search(self, criterion: str) -> UidList:
        """Search by pages of message numbers (they begin at 1); the last one is open-ended, for there may be new mail."""
        if not self._just_selected:
            self._folder.select()
        self._just_selected = False
        found = array("I")
        starts = range(1, self._folder.exists + 1, _PAGE_MESSAGES)
        for start in starts:
            page = f"{start}:{'*' if start == starts[-1] else start + _PAGE_MESSAGES - 1} " if len(starts) > 1 else ""
            found.extend(self._folder.ask(partial(commands.found, page + criterion)).numbers)
        return UidList(found[:_MOST_MESSAGES])

    def _fetched(self, command: _Fetch, sizes: Mapping[int, int]) -> dict[int, dict[bytes, Any]]:
        """The answers to a FETCH of messages of these sizes: of all together, or when that fails, of each alone."""
        try:
            return self._folder.ask(partial(command, list(sizes)), sum(sizes.values()))
        except Unanswered as error:
            self._folder.recover(error)
            if len(sizes) == 1:
                self._leave_out(min(sizes), error)
                return {}
        return self._one_by_one(command, sizes)

    def _one_by_one(self, command: _Fetch, sizes: Mapping[int, int]) -> dict[int, dict[bytes, Any]]:
        """The answers to FETCHes of one message each; raises `Away` when each fails: then it is the server's fault."""
        found: dict[int, dict[bytes, Any]] = {}
        failed: dict[int, Unanswered] = {}
        for number, size in sizes.items():
            try:
                found.update(self._folder.ask(partial(command, [number]), size, repeat=False))
            except Unanswered as error:
                failed[number] = error
                if len(failed) == len(sizes):
                    self._folder.close()
                    raise
                self._folder.recover(error)
        for number, failure in failed.items():
            self._leave_out(number, failure)
        return found

    def _leave_out(self, number: int, error: Unanswered) -> None:
        _log.error("maildrop %s: message %s cannot be fetched; it stays there: %s", self.name, number, error.reason)
        self._unreadable.append(str(number))

    def _still_marked(self, uids: Iterable[str]) -> list[str]:
        """Those that nobody has unmarked; UID EXPUNGE would look itself, MOVE takes them all."""
        marked: list[str] = []
        for numbers in chunks(map(int, uids)):
            marked += self._folder.ask(partial(commands.found, f"UID {sequence_set(numbers)} DELETED"))
        return marked

    def _remove(self, uids: Iterable[str], how: Callable[[str, IMAPClient], None]) -> Sequence[str]:
        """Remove in commands of bounded length, and ask what is left: a server says OK to uids that it does not know."""
        gone: list[str] = []
        for numbers in chunks(map(int, uids)):
            self._folder.ask(partial(how, sequence_set(numbers)))
            left = set(self._folder.ask(partial(commands.found, f"UID {sequence_set(numbers)}")).numbers)
            gone += [str(number) for number in numbers if number not in left]
        return gone
