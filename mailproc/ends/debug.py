"""`debug`: mail is shown as the debugging servers of smtpd and aiosmtpd show it, but made harmless for a terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from mailproc import Delivery, Outcome, Transient, Trust, handler

_TOP = "---------- MESSAGE FOLLOWS ----------"
_BOTTOM = "------------ END MESSAGE ------------"


@handler(requires=Trust.NONE, external=True)
@dataclass(frozen=True)
class Debug:
    """Prints each mail to ``stream``, or appends it to ``file`` where one is given.

    There is no line ``X-Peer``: who was connected is not known to a handler, and a mail may have come by other ways.
    """

    stream: Literal["stdout", "stderr"] = "stdout"
    file: Path | None = None

    def __call__(self, delivery: Delivery) -> Outcome:
        """Print it; a stream or a file that cannot be written is waited for."""
        text = shown(delivery.raw)
        try:
            self._write(text)
        except OSError as error:
            raise Transient(f"the place where mail is shown: {error.strerror or error}") from error
        return delivery.handled("shown")

    def _write(self, text: str) -> None:
        if self.file is not None:
            _append(self.file, text.encode())
            return
        stream = sys.stdout if self.stream == "stdout" else sys.stderr
        charset = stream.encoding or "ascii"
        stream.write(text.encode(charset, "backslashreplace").decode(charset))
        stream.flush()


def shown(raw: bytes) -> str:
    """The mail between its two rulers. What could steer a terminal, or turn its text around, stands there escaped."""
    return "\n".join([_TOP, *_lines(raw), _BOTTOM, ""])


def _lines(raw: bytes) -> Iterator[str]:
    for line in raw.splitlines():
        text = line.decode("utf-8", "replace")
        yield text if text.isprintable() else "".join(map(_harmless, text))


@lru_cache(maxsize=1024)
def _harmless(character: str) -> str:
    """The character itself where it has ink or is a blank; controls and formats (Unicode TR 36) as an escape."""
    if character.isprintable() or character == "\t" or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def _append(file: Path, text: bytes) -> None:
    """One write, so that the mails of two processes do not mix; the file is for its owner alone, as mail is."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb", buffering=0) as opened:  # noqa: PTH123 - a descriptor
        while text:
            text = text[opened.write(text) :]
