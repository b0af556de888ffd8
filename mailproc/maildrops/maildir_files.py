"""The files of a Maildir: names, flags, and how they are found and opened.

Every file is opened below an open folder and without following symbolic links; what is no regular file is no mail,
whoever has planted it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_PARTS = ("new", "cur")
_LONGEST_NAME = 255
_OF_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.EIO})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A FIFO would else wait for its writer for ever.
_MESSAGE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: ``new`` or ``cur``, and the name of its file there."""

    part: str
    file: str

    @property
    def flags(self) -> str:
        """The letters after ``:2,``; T (trashed) marks the message as to be deleted."""
        _, _, info = self.file.partition(":")
        return info[2:] if info.startswith("2,") else ""

    @property
    def marked(self) -> bool:
        """Whether the message has the flag T."""
        return "T" in self.flags

    @property
    def when_marked(self) -> Place:
        """The place of the same message with the flag T: a message with flags lies in ``cur``."""
        return Place("cur", f"{self.file.partition(':')[0]}:2,{''.join(sorted({*self.flags, 'T'}))}")

    @property
    def markable(self) -> bool:
        """Whether the name leaves room for a flag."""
        return len(os.fsencode(self.when_marked.file)) <= _LONGEST_NAME


class Unreadable(Exception):
    """One file cannot be read, whatever its neighbours do: its rights, or the disk below it."""


@contextlib.contextmanager
def one_file() -> Iterator[None]:
    """What goes wrong with one file in this block is `Unreadable`; other errors are those of the folders."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_ONE_FILE:
            raise Unreadable(error.strerror) from error
        raise


class MaildirFiles:
    """The open folders ``new`` and ``cur`` of a Maildir and what was last seen there. Errors: OSError."""

    def __init__(self, path: str) -> None:
        self.root = os.open(path, _FOLDER)
        self.parts: dict[str, int] = {}
        self._places: dict[str, Place] = {}
        try:
            for part in _PARTS:
                self.parts[part] = open_folder(part, self.root)
        except OSError:
            self.close()
            raise

    def scan(self) -> list[tuple[float, str, Place]]:
        """Look into both folders; answers time, uid and place of each message, oldest first."""
        found: dict[str, tuple[float, str, Place]] = {}
        for part in _PARTS:
            with os.scandir(self.parts[part]) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                        continue
                    uid = _uid(entry.name)
                    with contextlib.suppress(FileNotFoundError):
                        found.setdefault(uid, (entry.stat(follow_symlinks=False).st_mtime, uid, Place(part, entry.name)))
        self._places = {uid: place for uid, (_, _, place) in found.items()}
        return sorted(found.values(), key=lambda message: message[:2])

    def place(self, uid: str) -> Place | None:
        """Where a message is now: looked for again when another program has renamed it, None when it has gone."""
        place = self._places.get(uid)
        if place and self._exists(place):
            return place
        # What the last look did not find is not looked for again: that would be one look for each message that has gone.
        if place or not self._places:
            self.scan()
        return self._places.get(uid)

    def open(self, uid: str) -> int | None:
        """A descriptor of the regular file that holds the message, or None; raises `Unreadable` too."""
        place = self.place(uid)
        if place is None:
            return None
        try:
            with one_file():
                message = os.open(place.file, _MESSAGE, dir_fd=self.parts[place.part])
        except OSError as error:
            # Since we looked it has gone, or a symbolic link has taken its place.
            if error.errno in (errno.ENOENT, errno.ELOOP):
                return None
            raise
        if stat.S_ISREG(os.fstat(message).st_mode):
            return message
        os.close(message)
        return None

    def rename(self, uid: str, old: Place, new: Place) -> None:
        """Rename a message; nothing happens when another program was faster."""
        with contextlib.suppress(FileNotFoundError):
            os.rename(old.file, new.file, src_dir_fd=self.parts[old.part], dst_dir_fd=self.parts[new.part])
            self._places[uid] = new

    def unlink(self, uid: str, place: Place) -> None:
        """Remove a message from here; nothing happens when another program was faster."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.file, dir_fd=self.parts[place.part])
            del self._places[uid]

    def sync(self) -> None:
        """Make removals durable."""
        for folder in self.parts.values():
            os.fsync(folder)

    def close(self) -> None:
        """Close the folders; they cannot be used any more."""
        for folder in (*self.parts.values(), self.root):
            with contextlib.suppress(OSError):
                os.close(folder)
        self.parts, self.root = {}, -1

    def _exists(self, place: Place) -> bool:
        try:
            os.stat(place.file, dir_fd=self.parts[place.part], follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True


def arrival(seconds: float) -> datetime:
    """A file's time; now for one that is no date, as before the year 1 and after 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.now(UTC)


def open_folder(name: str, parent: int) -> int:
    """A descriptor of the folder ``name`` below ``parent``; never of what a symbolic link points to."""
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)


@contextlib.contextmanager
def made_folder(name: str, parent: int) -> Iterator[int]:
    """The folder ``name`` below ``parent``, open; made durably if it is missing."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        pass
    folder = open_folder(name, parent)
    try:
        yield folder
    finally:
        os.close(folder)


def _uid(file: str) -> str:
    """What a file's name says of identity, as valid text of bounded length whatever its bytes are."""
    uid = os.fsencode(file.partition(":")[0]).decode("utf-8", "backslashreplace")
    if len(uid) <= _LONGEST_NAME:
        return uid
    import hashlib  # few names are that long, and cron asks every minute

    return hashlib.sha256(uid.encode()).hexdigest()
