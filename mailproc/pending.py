"""The marker that says: there is something to do besides new mail.

An empty run opens no database; only this file tells it that the outbox, waiting receipts or half-done deletions want
it. It is written before the commit that makes it true, and it is durable, so that a power cut cannot leave such a
commit without it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from mailproc.durability import sync_folder
from mailproc.errors import Away

# The shared locks that this process holds on markers. They belong to the process and not to a `Pending`: two of them would
# lock each other out.
_held: dict[Path, int] = {}


class Pending:
    """The marker file of one state folder, as this process uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __bool__(self) -> bool:
        return self._path.exists()

    def set(self) -> None:
        """Put the marker there and keep others from removing it until `clear`, or until this process ends; raises `Away`.

        Another process that finds nothing to do does not see yet what we are about to commit: our shared lock stops it.
        """
        try:
            self._hold()
        except OSError as error:
            raise Away(f"state: {self._path}: {error.strerror or error}") from None

    def _hold(self) -> None:
        while self._path not in _held:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_still(self._path, descriptor):
                sync_folder(self._path.parent)
                _held[self._path] = descriptor
            else:
                os.close(descriptor)

    def let_go(self) -> None:
        """Leave the marker, and let others take it away when they find nothing to do: what we have committed they can see."""
        if self._path in _held:
            os.close(_held.pop(self._path))

    def clear(self, none_left: Callable[[], bool]) -> None:
        """Take the marker away if ``none_left`` answers True and no other process is at work under it."""
        self.let_go()
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(self._path, descriptor) and none_left():
                self._path.unlink()
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that stands there: it may have been removed while we waited for its lock."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
