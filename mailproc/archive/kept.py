"""A large mail on its way into the archive, piece by piece."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

from mailproc.archive.disk import away_on_error
from mailproc.failpoints import failpoint


class Kept(io.BufferedWriter):
    """A large mail on its way into the archive, with its digest and size.

    ``url`` is known once the mail is durable, after `keep`.
    """

    def __init__(self, file: io.FileIO, temporary: Path, enter: Callable[[Path, str], str]) -> None:
        super().__init__(file)
        self.size = 0
        self.url = ""
        self._temporary = temporary
        self._enter = enter  # gives a temporary file the name of its digest, durably, and answers its URL
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what was written so far, in lower-case hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append ``data``; raises `Away` when there is no room for it."""
        self._digest.update(data)
        self.size += len(data)
        with away_on_error(self._temporary):
            return super().write(data)

    def keep(self) -> None:
        """The mail is complete: make it durable under its digest; raises `Away` when that is not possible."""
        with away_on_error(self._temporary):
            self.flush()
            failpoint("archive-temp")
            os.fsync(self.fileno())
            self.url = self._enter(self._temporary, self.sha256)
