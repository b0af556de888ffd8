"""A Maildir: one file for each message, in ``new`` and ``cur`` (https://cr.yp.to/proto/maildir.html).

A uid is the name of the file without what follows the colon, so it stays when a mail program changes flags.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

from mailproc.errors import Away, SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops import Fetched, Waiting
from mailproc.maildrops.maildir_files import MaildirFiles, Place, Unreadable, arrival, made_folder, one_file

_PIECE_OCTETS = 1024 * 1024

_log = logging.getLogger(__name__)


class MaildirDrop:
    """The messages of the Maildir at ``path``; a `Maildrop`. Errors: `Away` when it is missing or not readable."""

    def __init__(self, name: str, path: str | os.PathLike[str]) -> None:
        self.name = name
        self._path = os.fspath(path)
        self._unreadable: list[str] = []
        with self._away():
            failpoint("connect")
            self._files = MaildirFiles(self._path)

    @property
    def uidvalidity(self) -> int | None:
        """None: the name of a file is never used again."""
        return None

    def advice(self) -> Sequence[str]:
        """Nothing: files can always be removed one by one."""
        return ()

    def uids(self) -> Sequence[str]:
        """The uids of all messages without the flag T, oldest first by the file's time, then by name."""
        self._unreadable = []
        return self._search(marked=False)

    def unreadable(self) -> Sequence[str]:
        """The uids of the files that could not be opened or read since `uids` was asked."""
        return self._unreadable

    def marked(self) -> Sequence[str]:
        """The uids of all messages with the flag T, oldest first."""
        return self._search(marked=True)

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size and arrival (the file's time) of those that are still there."""
        failpoint("fetch-size")
        found = []
        for uid in uids:
            with self._leaving_out(uid), self._opened(uid) as message:
                if message is not None:
                    facts = os.fstat(message)
                    found.append(Waiting(uid, facts.st_size, arrival(facts.st_mtime)))
        return found

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The raw bytes of those that are still there; a file that has shrunk is none of them."""
        for message in waiting:
            content = BytesIO()
            if self.stream(message, content):
                yield Fetched(message, content.getvalue())

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the raw bytes to ``to`` by pieces of 1 MiB, at most as many as its size; False when it has gone or cannot be
        read.
        """
        failpoint("fetch-body")
        left = -1
        with self._leaving_out(waiting.uid), self._opened(waiting.uid) as message:
            if message is None:
                return False
            left = waiting.size
            while left and (piece := self._read(message, left)):
                to.write(piece)
                left -= len(piece)
        return left == 0

    def mark(self, uids: Iterable[str]) -> None:
        """Give those that are still there the flag T."""
        failpoint("store-deleted")
        with self._away():
            for uid in uids:
                place = self._files.place(uid)
                if place and place.markable and not place.marked:
                    self._files.rename(uid, place, place.when_marked)

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Unlink those that have the flag T (or a name that leaves no room for it); answers what is there no more."""
        failpoint("expunge")
        asked = list(uids)
        with self._away():
            for uid in asked:
                place = self._files.place(uid)
                if place and (place.marked or not place.markable):
                    self._files.unlink(uid, place)
            return self._gone(asked)

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Move to the Maildir++ folder ``.FOLDER`` beside ``cur``; a crash may leave two of a message, never none.

        Errors: `SettingsError` for a folder's name that is empty, begins with a dot, or holds a slash or a control
        character.
        """
        if not folder or folder.startswith(".") or "/" in folder or not folder.isprintable():
            raise SettingsError(f"maildrop {self.name}: {folder!r} cannot be the name of a folder in a Maildir")
        asked = list(uids)
        with self._away(), self._target(folder) as target:
            places = ((uid, self._files.place(uid)) for uid in asked)
            linked = [(uid, place) for uid, place in places if place and self._link(place, target)]
            os.fsync(target)
            failpoint("move")
            for uid, place in linked:
                self._files.unlink(uid, place)
            return self._gone(asked)

    def close(self) -> None:
        """Close the folders."""
        self._files.close()

    def _search(self, *, marked: bool) -> Sequence[str]:
        failpoint("search")
        with self._away():
            return [uid for _, uid, place in self._files.scan() if place.marked is marked]

    def _gone(self, asked: Sequence[str]) -> Sequence[str]:
        self._files.sync()
        return [uid for uid in asked if self._files.place(uid) is None]

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Away(f"maildrop {self.name}: {self._path}: {error.strerror or error}") from error

    @contextlib.contextmanager
    def _leaving_out(self, uid: str) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            _log.error("maildrop %s: message %s cannot be fetched; it stays there: %s", self.name, uid, error)
            self._unreadable.append(uid)

    @contextlib.contextmanager
    def _opened(self, uid: str) -> Iterator[int | None]:
        with self._away():
            message = self._files.open(uid)
        try:
            yield message
        finally:
            if message is not None:
                os.close(message)

    def _read(self, message: int, most: int) -> bytes:
        # Apart from the writing, so that a full disk under the archive is not taken for a Maildir that is away.
        with self._away(), one_file():
            return os.read(message, min(most, _PIECE_OCTETS))

    @contextlib.contextmanager
    def _target(self, folder: str) -> Iterator[int]:
        """The open ``cur`` of a folder, which is made where it is missing."""
        with made_folder(f".{folder}", self._files.root) as root:
            # By this file Maildir++ knows a folder from a Maildir of its own.
            os.close(os.open("maildirfolder", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600, dir_fd=root))
            with made_folder("tmp", root), made_folder("new", root), made_folder("cur", root) as cur:
                yield cur

    def _link(self, place: Place, target: int) -> bool:
        """Give the file a second name in ``target``, a new one where another message has its name; False: it has gone."""
        source = self._files.parts[place.part]
        try:
            os.link(place.file, place.file, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except FileExistsError:
            ours, theirs = (os.stat(place.file, dir_fd=folder, follow_symlinks=False) for folder in (source, target))
            if not os.path.samestat(ours, theirs):
                other = f"{os.urandom(16).hex()}:2,{place.flags}"
                os.link(place.file, other, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        return True
