"""A maildrop in memory, for the tests of handlers and of mailproc itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from mailproc.maildrops import Fetched, Waiting


@dataclass
class _Stored:
    """A message and whether somebody has marked it ``\\Deleted``."""

    raw: bytes
    arrival: datetime
    marked: bool


class MemoryDrop:
    """A `Maildrop` whose mail is put in by `add`; ``folders`` holds the raw bytes of what was moved, by folder."""

    def __init__(self, name: str = "memory", messages: Iterable[bytes] = (), uidvalidity: int = 1) -> None:
        self.name = name
        self.folders: dict[str, list[bytes]] = {}
        self._uidvalidity = uidvalidity
        self._stored: dict[str, _Stored] = {}
        self._next_uid = 1
        for raw in messages:
            self.add(raw)

    def add(self, raw: bytes, *, arrival: datetime | None = None, marked: bool = False) -> str:
        """Deliver a message, as of now unless ``arrival`` says otherwise; answers its uid."""
        uid = str(self._next_uid)
        self._next_uid += 1
        self._stored[uid] = _Stored(raw, arrival or datetime.now(UTC), marked)
        return uid

    def remove(self, uid: str) -> None:
        """Remove a message as another mail program would, behind our back."""
        self._stored.pop(uid, None)

    @property
    def uidvalidity(self) -> int | None:
        """The validity that was given."""
        return self._uidvalidity

    def uids(self) -> Sequence[str]:
        """The uids of what is not marked, in the order of delivery."""
        return [uid for uid, stored in self._stored.items() if not stored.marked]

    def marked(self) -> Sequence[str]:
        """The uids of what is marked, in the order of delivery."""
        return [uid for uid, stored in self._stored.items() if stored.marked]

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size and arrival of those that are still there."""
        there = ((uid, self._stored[uid]) for uid in uids if uid in self._stored)
        return [Waiting(uid, len(stored.raw), stored.arrival) for uid, stored in there]

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The raw bytes of those that are still there."""
        for message in waiting:
            if message.uid in self._stored:
                yield Fetched(message, self._stored[message.uid].raw)

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the raw bytes to ``to``; False when the message has gone."""
        if waiting.uid not in self._stored:
            return False
        to.write(self._stored[waiting.uid].raw)
        return True

    def unreadable(self) -> Sequence[str]:
        """None: memory can always be read."""
        return ()

    def mark(self, uids: Iterable[str]) -> None:
        """Mark those that are still there."""
        for uid in uids:
            if uid in self._stored:
                self._stored[uid].marked = True

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Remove those that are marked; answers what is there no more."""
        asked = list(uids)
        for uid in asked:
            if uid in self._stored and self._stored[uid].marked:
                del self._stored[uid]
        return [uid for uid in asked if uid not in self._stored]

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Move those that are still there to ``folders[folder]``; answers all, for none of them is here any more."""
        asked = list(uids)
        moved = self.folders.setdefault(folder, [])
        moved += [self._stored.pop(uid).raw for uid in asked if uid in self._stored]
        return asked

    def advice(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def close(self) -> None:
        """Do nothing: the mail stays, and the maildrop may be used again."""
