"""What the ears tell, a line for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

# There is mail that was not there before, the same as before (or less of it), or none; the maildrop is out of reach; its
# server has refused our login; a door, a pipe or `mailproc inject` has left something to do; nobody listens any more.
Word = Literal["new", "same", "none", "away", "refused", "spooled", "deaf"]

_LONGEST = 2000  # octets of a reason; with it a line stays below PIPE_BUF, and lines of many threads do not mix (pipe(7))


@dataclass(frozen=True, slots=True)
class News:
    """A word about a maildrop; ``reason`` is for a person and says why it is out of reach."""

    word: Word
    name: str = "-"
    reason: str = ""

    def line(self) -> bytes:
        """The news as a line, its end included."""
        reason = " ".join(self.reason.split()).encode("utf-8", "backslashreplace")[:_LONGEST]
        return b"%s %s %s\n" % (self.word.encode(), self.name.encode(), reason)


@dataclass(slots=True)
class Reader:
    """Takes in what the pipe gives, and gives what is whole."""

    _rest: bytes = b""

    def read(self, data: bytes) -> Iterator[News]:
        """The news of which ``data`` holds the end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, name, reason = line.decode("utf-8", "replace").split(" ", 2)
            yield News(next(known for known in get_args(Word) if known == word), name, reason)
