"""An mbox file, as an MTA appends to it (RFC 4155).

It is read, and rewritten without what is removed, under the locks that MTAs heed; what they have appended meanwhile is kept.
The rest goes into a new file beside it, ``PATH.mailproc``, which is durable before it takes the old one's name: whoever dies
when, one of the two is whole. A deliverer that had opened the old one must look, once it has the locks, whether that still has
its name, as Postfix does.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mailproc.durability import sync_folder
from mailproc.errors import Away, SettingsError
from mailproc.failpoints import failpoint
from mailproc.maildrops import Fetched, Waiting
from mailproc.maildrops.mbox_file import content
from mailproc.maildrops.mbox_index import Index, digest, read_index
from mailproc.maildrops.mbox_lock import PATIENCE, Occupied, locked


class MboxDrop:
    """The messages of the mbox at ``path``, each with its line ``From `` before it; a `Maildrop`.

    A file that is missing is empty, for MTAs make it when the first mail comes. Errors: `Away` when its folder is missing, or
    another program holds its locks for longer than ``patience`` seconds; `SettingsError` for a file that is no mbox.
    """

    def __init__(self, name: str, path: str | os.PathLike[str], *, patience: float = PATIENCE) -> None:
        self.name = name
        self._path = Path(path)
        self._patience = patience
        self._marked: set[str] = set()
        self._index: Index | None = None
        self._arrival = datetime.now(UTC)
        with self._away():
            failpoint("connect")
            self._path.parent.stat()

    @property
    def uidvalidity(self) -> int | None:
        """None: a uid is a digest of its message."""
        return None

    def advice(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def unreadable(self) -> Sequence[str]:
        """None: a file is read as a whole, or not."""
        return ()

    def uids(self) -> Sequence[str]:
        """The uids of what has not been marked here, as they stand in the file; of the first 100,000 messages."""
        failpoint("search")
        return [uid for uid in self._read_again().entries if uid not in self._marked]

    def marked(self) -> Sequence[str]:
        """The uids of what has been marked here and is still there."""
        return [uid for uid in self._known().entries if uid in self._marked]

    def waiting(self, uids: Sequence[str]) -> Sequence[Waiting]:
        """Size and arrival (the file's time) of those that are still there."""
        failpoint("fetch-size")
        known = self._known().entries
        return [Waiting(uid, known[uid].size, self._arrival) for uid in uids if uid in known]

    def fetch(self, waiting: Sequence[Waiting]) -> Iterator[Fetched]:
        """The bytes of those that are still there, wherever another program has moved them in the file."""
        for message in waiting:
            content = BytesIO()
            if not self.stream(message, content):
                content = BytesIO()
                if not self.stream(message, content):
                    continue
            yield Fetched(message, content.getvalue())

    def stream(self, waiting: Waiting, to: BinaryIO) -> bool:
        """Write the bytes to ``to`` by pieces of about 1 MiB; False when it is no more where it was."""
        failpoint("fetch-body")
        index = self._known()
        if waiting.uid not in index.entries:
            return False

        def copied() -> Iterator[bytes]:
            for piece in self._pieces(index, waiting.uid):
                to.write(piece)
                yield piece

        same = digest(copied()) == waiting.uid.partition("-")[0]
        if not same:
            self._index = None
        return same

    def mark(self, uids: Iterable[str]) -> None:
        """Remember what is to be removed."""
        failpoint("store-deleted")
        self._marked.update(uids)

    def expunge(self, uids: Iterable[str]) -> Sequence[str]:
        """Rewrite the file without those that are marked; answers what is there no more."""
        failpoint("expunge")
        asked = list(uids)
        index = self._known()
        if any(uid in index.entries for uid in self._marked.intersection(asked)):
            with self._locked() as file:
                index = self._without(file, index, [uid for uid in asked if uid in self._marked])
        gone = [uid for uid in asked if uid not in index.entries]
        self._marked.difference_update(gone)
        return gone

    def move(self, uids: Iterable[str], folder: str) -> Sequence[str]:
        """Raise `SettingsError`: an mbox file has no folders."""
        raise SettingsError(f"maildrop {self.name}: an mbox file has no folders, and mail cannot be moved to {folder!r}")

    def close(self) -> None:
        """Do nothing: no lock is held between two questions."""

    def _known(self) -> Index:
        return self._read_again() if self._index is None else self._index

    def _read_again(self) -> Index:
        with self._locked() as file:
            return self._read(file)

    def _read(self, file: BinaryIO | None) -> Index:
        self._index, index = None, Index()
        if file is not None:
            modified = os.fstat(file.fileno()).st_mtime
            self._arrival = datetime.fromtimestamp(min(max(modified, 0.0), time.time()), UTC)
            try:
                index = read_index(file)
            except ValueError as error:
                raise SettingsError(f"maildrop {self.name}: {self._path}: {error}; name the file that the MTA writes") from None
        self._index = index
        return index

    def _without(self, file: BinaryIO | None, index: Index, wanted: Sequence[str]) -> Index:
        """The index of the locked file, after those of ``wanted`` that are there have been removed."""
        if file is None or not all(index.holds(file, uid) for uid in wanted if uid in index.entries):
            index = self._read(file)
        here = [uid for uid in dict.fromkeys(wanted) if uid in index.entries]
        if file is not None and here:
            _rewrite(self._path, file, sorted((found.offset, found.end) for found in map(index.extent, here)))
            index.forget(here)
        return index

    def _pieces(self, index: Index, uid: str) -> Iterator[bytes]:
        """What lies where the message should. Apart from the writing, so that a full disk elsewhere is not taken for ours."""
        with self._away():
            try:
                file = os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
            except FileNotFoundError:
                return
        with file:
            with self._away():
                whole = index.ends(file, uid)
            pieces = content(file, index.extent(uid)) if whole else iter(())
            while piece := self._next(pieces):
                yield piece

    def _next(self, pieces: Iterator[bytes]) -> bytes:
        with self._away():
            return next(pieces, b"")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[BinaryIO | None]:
        """The locked file, None when it is missing."""
        with self._away(), contextlib.ExitStack() as held:
            file = None
            with contextlib.suppress(FileNotFoundError):
                file = held.enter_context(locked(self._path, self._patience))
            yield file

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        try:
            yield
        except Occupied:
            raise Away(f"maildrop {self.name}: {self._path}: another program holds its lock") from None
        except PermissionError as error:
            raise Away(
                f"maildrop {self.name}: {error.filename or self._path}: {error.strerror}; we must be allowed to write the "
                f"file, and to make others in {self._path.parent} (on Debian by the group mail)"
            ) from error
        except OSError as error:
            raise Away(f"maildrop {self.name}: {error.filename or self._path}: {error.strerror or error}") from error


def has_mail(name: str, path: Path) -> bool:
    """Whether the mbox at ``path`` has any octets; raises `Away` when its folder is missing."""
    try:
        failpoint("search")
        path.parent.stat()
        return path.exists() and path.stat().st_size > 0
    except OSError as error:
        raise Away(f"maildrop {name}: {path}: {error.strerror or error}") from error


def _rewrite(path: Path, file: BinaryIO, without: Sequence[tuple[int, int]]) -> None:
    """Put a file without these rising ranges of octets in the place of the locked one, durably, and alike in all else."""
    other = path.with_name(f"{path.name}.mailproc")
    other.unlink(missing_ok=True)  # of a run that died here
    try:
        with os.fdopen(os.open(other, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as rest:
            _copy(file, rest, without)
            _resemble(file, rest)
            os.fsync(rest.fileno())
        failpoint("mbox-rename")
        other.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            other.unlink()
        raise
    sync_folder(path.parent)


def _copy(file: BinaryIO, rest: BinaryIO, without: Sequence[tuple[int, int]]) -> None:
    start = 0
    for begin, end in [*without, (os.fstat(file.fileno()).st_size, 0)]:
        while start < begin and (sent := os.sendfile(rest.fileno(), file.fileno(), start, begin - start)):
            start += sent
        start = end


def _resemble(file: BinaryIO, rest: BinaryIO) -> None:
    facts = os.fstat(file.fileno())
    ours = os.fstat(rest.fileno())
    if (facts.st_uid, facts.st_gid) != (ours.st_uid, ours.st_gid):
        os.fchown(rest.fileno(), facts.st_uid, facts.st_gid)
    _copy_attributes(file.fileno(), rest.fileno())
    os.fchmod(rest.fileno(), stat.S_IMODE(facts.st_mode))
    os.utime(rest.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _copy_attributes(file: int, rest: int) -> None:
    with contextlib.suppress(OSError):  # the file system has none
        for name in os.listxattr(file):  # ACLs are among them (acl(5))
            with contextlib.suppress(PermissionError):  # which the kernel gives itself
                os.setxattr(rest, name, os.getxattr(file, name))
