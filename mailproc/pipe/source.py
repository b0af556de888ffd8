"""Standard input as an MTA writes it, and until when we may take."""

from __future__ import annotations

import os
import select
import signal
import stat
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mailproc import origin
from mailproc.errors import Transient

# Postfix kills a command after 1,000 s (command_time_limit), and then it bounces the mail.
LONGEST = 900.0  # seconds
INPUT = 0  # the descriptor of standard input
_PIECE = 1 << 16  # octets
_LOOK = 0.25  # seconds between two looks whether to stop
_PF_EXITING = 0x4  # a flag of a process (proc(5), include/linux/sched.h)


@dataclass(slots=True)
class Patience:
    """Whether we are to stop: somebody has told us to, or it would take too long."""

    until: float = field(default_factory=lambda: time.monotonic() + LONGEST)
    told: bool = False

    def over(self) -> bool:
        """Whether to stop now."""
        return self.told or time.monotonic() > self.until

    def listen(self) -> None:
        """Take SIGTERM, SIGINT and SIGHUP as the word to stop: Exim bounces the mail of a command that a signal has ended."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._be_told())

    def _be_told(self) -> None:
        self.told = True


@dataclass(frozen=True, slots=True)
class Writer:
    """The process ``number`` that writes the mail: the one that has started the process ``reader``, which is ours."""

    number: int = field(default_factory=lambda: origin.PARENT)
    reader: int = field(default_factory=os.getpid)

    def died(self) -> bool:
        """Whether it has died, so that the end of the mail may be its own end; a mail in a file cannot be cut off so.

        Process 1 is taken for dead: that is what our parent seems to be when the writer died before we could ask.
        """
        if stat.S_ISREG(os.fstat(INPUT).st_mode):
            return False
        parent, _ = _parent_and_flags(self.reader)
        _, flags = _parent_and_flags(self.number)
        # Who is dying closes its pipes first, and only later it is gone.
        return self.number == 1 or parent != self.number or bool(flags & _PF_EXITING)


def _parent_and_flags(process: int) -> tuple[int, int]:
    """Both are 0 for one that has gone, or is another user's and may not be seen (proc(5), hidepid)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0, 0
    return int(fields[1]), int(fields[6])


def read_mail(patience: Patience, writer: Writer) -> Iterator[bytes]:
    """The mail on standard input, in pieces of at most 64 KiB, to its end.

    Raises `Transient` when we are to stop, or when there is no knowing whether the end is that of the mail.
    """
    yield from _read_pieces(patience)
    if writer.died():
        raise Transient("the program that wrote the mail has died, or is process 1, and the mail may be cut off")


def _read_pieces(patience: Patience) -> Iterator[bytes]:
    while not patience.over():
        if select.select([INPUT], [], [], _LOOK)[0]:
            piece = os.read(INPUT, _PIECE)
            if not piece:
                return
            yield piece
    raise Transient("stopped before the mail had come to its end")


def read_head(patience: Patience, writer: Writer, octets: int) -> tuple[bytes, bool]:
    """The first ``octets`` and up to a piece more; and whether that is all there is. Raises `Transient` as `read_mail`."""
    head: list[bytes] = []
    taken = 0
    for piece in read_mail(patience, writer):
        head.append(piece)
        taken += len(piece)
        if taken > octets:
            return b"".join(head), False
    return b"".join(head), True


def drain(patience: Patience) -> None:
    """Read what there still is, so that an MTA hears our status and does not die of its own writing."""
    with suppress(Transient, OSError):
        if not os.isatty(INPUT):
            deque(_read_pieces(patience), maxlen=0)
