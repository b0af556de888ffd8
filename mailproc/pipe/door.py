"""The process that an MTA has started: it reads the mail, has a supervised worker attend to it, and answers."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from mailproc.errors import Transient
from mailproc.pipe.source import Patience, Writer, read_head
from mailproc.replies import DIED, read_reply
from mailproc.reply import Reply
from mailproc.settings import Settings
from mailproc.state import State, ready_state
from mailproc.supervisor import Bounds, Supervisor

if TYPE_CHECKING:
    from mailproc.worker import Link

_LONGEST_WORD = 4096  # octets of what a worker has written that are looked at
_MOST_SAID = 1 << 20  # octets that are kept of it, and those of a quarter of a second


@dataclass(slots=True)
class Pipe:
    """One mail for ``recipients``; ``reverse_path`` is None where the MTA did not say it, and "" for the null path.

    ``said`` is what was written to stdout and stderr while the mail was worked: handlers may write there, and the MTA would
    take it for the answer.
    """

    settings: Settings
    recipients: Sequence[str]
    reverse_path: str | None
    patience: Patience
    said: str = ""
    _writer: Writer = field(default_factory=Writer)

    def reply(self) -> Reply:
        """What becomes of the mail. Raises `MailprocError` for what is not the mail's, and it is the MTA's as before."""
        state = ready_state(self.settings)
        if state.stop_requested:
            raise Transient(f"nothing is done, because there is the stop file {state.folder / 'stop'}; remove it")
        head, whole = read_head(self.patience, self._writer, self.settings.max_size)
        if not head:
            raise Transient("there is no mail on standard input")
        with tempfile.TemporaryFile(dir=state.temporary) as file:
            noise = _Noise(file)
            try:
                with noise.taken():
                    return self._worked(state, head, whole, noise)
            finally:
                self.said = noise.end().decode("utf-8", "replace")

    def _worked(self, state: State, head: bytes, whole: bool, noise: _Noise) -> Reply:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)  # a process that a handler has left behind may hold the other end
        limits = self.settings.limits
        with state.owning() as owner:

            def work(link: Link, deaths: dict[str, str]) -> int:
                if deaths:  # the start was counted; the MTA comes again
                    return os.EX_TEMPFAIL
                os.close(owner.descriptor)
                from mailproc.pipe.attendant import Attendant

                attendant = Attendant(self.settings, owner.id, link, self.patience, self._writer, head, whole)
                os.write(theirs, attendant.reply(self.recipients, self.reverse_path).line().encode())
                return os.EX_OK

            def heed() -> bool:
                noise.shorten()
                return self.patience.over()

            Supervisor(work, Bounds(limits.message_time, limits.memory), heed=heed).run()
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as answered:
            line = answered.read(_LONGEST_WORD)
        return read_reply(line.decode()) if line else DIED


@dataclass(slots=True)
class _Noise:
    """What is written to stdout and stderr: an MTA would take the first line of either for the answer."""

    file: IO[bytes]
    before: bytes = b""

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it written to the file."""
        before = {number: os.dup(number) for number in (1, 2)}
        fcntl.fcntl(self.file, fcntl.F_SETFL, os.O_APPEND)  # also once it was shortened
        try:
            for number in before:
                os.dup2(self.file.fileno(), number)
            yield
        finally:
            for number, saved in before.items():
                os.dup2(saved, number)
                os.close(saved)

    def shorten(self) -> None:
        """Forget all but the end, where it is much: who prints without an end would else fill the disk."""
        if os.fstat(self.file.fileno()).st_size > _MOST_SAID:
            self.before = self.end()
            os.ftruncate(self.file.fileno(), 0)

    def end(self) -> bytes:
        """The last of it."""
        size = os.fstat(self.file.fileno()).st_size
        return (self.before + os.pread(self.file.fileno(), _LONGEST_WORD, max(size - _LONGEST_WORD, 0)))[-_LONGEST_WORD:]
