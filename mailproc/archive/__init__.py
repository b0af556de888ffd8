"""The archive: every raw mail, kept under the digest of its bytes before anything else is done with it.

A mail leaves the maildrop on the strength of what this package answers, so nothing is answered before it is on the disk:
the bytes (fsync of the file), its name (fsync of its folder) and the names of the folders above.

::

    archive/
    +-- tmp/                     what is being written; a killed run leaves it here, and `sweep` removes it
    +-- ab/cd/abcd...            the sha256 of the bytes in it, lower-case hex; 0600
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from mailproc.archive.folder import FolderArchive, create
from mailproc.archive.kept import Kept

__all__ = ["Archive", "FolderArchive", "Kept", "create"]


class Archive(Protocol):
    """Where raw mails are kept. A mail is named by its URL, or by its sha256 in lower-case hex.

    Errors: `Away` when the archive cannot be reached or is full, `MailprocError` when a mail is not in it or is damaged.
    """

    def put_many(self, mails: Sequence[bytes]) -> list[str]:
        """Keep these mails, and answer their URLs once all of them are durable."""

    def writer(self) -> AbstractContextManager[Kept]:
        """A file to write one large mail into; it is kept when its `Kept.keep` was called in the block, else discarded."""

    def get(self, name: str) -> bytes:
        """A whole mail, whose digest was checked."""

    def beginning(self, name: str, octets: int) -> bytes:
        """The first octets of a mail, unchecked."""

    def exists(self, name: str) -> bool:
        """Whether this mail is kept."""

    def sweep(self, older_than: float) -> int:
        """Remove what killed runs left half written, if it was not touched for so many seconds; answers how many."""
