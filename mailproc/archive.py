"""The archive: every raw mail, kept under the digest of its bytes before anything else is done with it.

A mail leaves the maildrop on the strength of what this module answers, so nothing is answered before it is on the disk:
the bytes (fsync of the file), its name (fsync of its folder) and the names of the folders above.

::

    archive/
    +-- tmp/                     what is being written; a killed run leaves it here, and `sweep` removes it
    +-- ab/cd/abcd...            the sha256 of the bytes in it, lower-case hex; 0600
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from mailproc.errors import Away, MailprocError, SettingsError
from mailproc.failpoints import failpoint

_DIGEST = re.compile(r"(?:.*/)?([0-9a-f]{64})")
_PIECE = 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a planted FIFO must not hold us up
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


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


class Kept(io.BufferedWriter):
    """A large mail on its way into the archive, with its digest and size.

    ``url`` is known once the mail is durable, after `keep`.
    """

    def __init__(self, archive: FolderArchive, file: io.FileIO, temporary: Path) -> None:
        super().__init__(file)
        self.size = 0
        self.url = ""
        self._archive = archive
        self._temporary = temporary
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest of what was written so far, in lower-case hex."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append ``data``; raises `Away` when there is no room for it."""
        self._digest.update(data)
        self.size += len(data)
        with _away_on_error(self._temporary):
            return super().write(data)

    def keep(self) -> None:
        """The mail is complete: make it durable under its digest; raises `Away` when that is not possible."""
        with _away_on_error(self._temporary):
            self.flush()
            failpoint("archive-temp")
            os.fsync(self.fileno())
            self._archive.rename([(self._temporary, self.sha256)])
        self.url = self._archive.url(self.sha256)


class FolderArchive:
    """An archive in a folder of this machine, which `create` has made.

    If the folder or its ``tmp`` is missing the archive is away: a disk that is not mounted must not look like an empty archive.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - and resolve() would follow the operator's symbolic link
        self._entered: set[str] = set()  # the folders, as "abcd", whose own names this process has seen to the disk

    def put_many(self, mails: Sequence[bytes]) -> list[str]:
        """Keep these mails, and answer their URLs once all of them are durable; one that is there already is not written."""
        digests = [hashlib.sha256(mail).hexdigest() for mail in mails]
        by_digest = dict(zip(digests, mails, strict=True))
        with _away_on_error(self.path), self._temporaries() as temporaries:
            there = [digest for digest in by_digest if self._intact(digest)]
            for digest in by_digest.keys() - there:
                temporaries[digest] = self._temporary()
                _write(temporaries[digest], by_digest[digest])
            self.rename([(temporary, digest) for digest, temporary in temporaries.items()])
            self._sync_names(there)  # a killed run may have renamed them, and no more
        return [self.url(digest) for digest in digests]

    @contextmanager
    def writer(self) -> Iterator[Kept]:
        """A file to write one large mail into; it is kept when its `Kept.keep` was called in the block, else discarded."""
        with self._temporaries() as temporaries:
            temporary = temporaries[""] = self._temporary()
            with _away_on_error(temporary):
                kept = Kept(self, io.FileIO(os.open(temporary, _NEW, 0o600), "w"), temporary)
            try:
                yield kept
            finally:
                with suppress(OSError):  # what is in the buffer still is of a mail that is not kept
                    kept.close()

    def rename(self, written: Sequence[tuple[Path, str]]) -> None:
        """Give temporary files, whose bytes are on the disk, the names of their digests, and see these to the disk."""
        failpoint("archive-fsync")
        for temporary, digest in written:
            final = self._file(digest)
            for folder in (final.parent.parent, final.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            temporary.rename(final)
        failpoint("archive-rename")
        self._sync_names([digest for _, digest in written])

    def get(self, name: str) -> bytes:
        """A whole mail, whose digest was checked."""
        digest = _digest_in(name)
        data = self.beginning(digest, -1)
        if hashlib.sha256(data).hexdigest() != digest:
            raise MailprocError(f"archive: {self._file(digest)} is damaged: its bytes have another digest than its name")
        return data

    def beginning(self, name: str, octets: int) -> bytes:
        """The first octets of a mail, unchecked; all of it when ``octets`` is negative."""
        file = self._file(_digest_in(name))
        with _away_on_error(self.path):
            try:
                with self._open(file) as source:
                    return source.read(octets)
            except FileNotFoundError:
                self._require()
                raise MailprocError(f"archive: there is no {file}") from None

    def exists(self, name: str) -> bool:
        """Whether this mail is kept, as a plain file."""
        with _away_on_error(self.path):
            try:
                return stat.S_ISREG(self._file(_digest_in(name)).lstat().st_mode)
            except FileNotFoundError:
                self._require()
                return False

    def sweep(self, older_than: float) -> int:
        """Remove what killed runs left half written, if it was not touched for ``older_than`` seconds; answers how many."""
        swept = 0
        with _away_on_error(self.path):
            for file in (self.path / "tmp").iterdir():
                with suppress(FileNotFoundError):  # somebody else sweeps, too
                    if file.lstat().st_mtime < time.time() - older_than:
                        file.unlink()
                        swept += 1
        return swept

    def url(self, digest: str) -> str:
        """The ``file:`` URL of the mail of this digest (RFC 8089)."""
        return self._file(digest).as_uri()

    def _file(self, digest: str) -> Path:
        return self.path / digest[:2] / digest[2:4] / digest

    def _require(self) -> None:
        (self.path / "tmp").stat()

    def _temporary(self) -> Path:
        return self.path / "tmp" / f"{os.getpid()}-{secrets.token_hex(8)}"

    @contextmanager
    def _temporaries(self) -> Iterator[dict[str, Path]]:
        """The temporary files of one step; those that did not become mails are removed."""
        temporaries: dict[str, Path] = {}
        try:
            yield temporaries
        finally:
            for temporary in temporaries.values():
                with suppress(OSError):
                    temporary.unlink()

    def _intact(self, digest: str) -> bool:
        """Whether the mail is there, byte for byte; a damaged one is written anew."""
        try:
            with self._open(self._file(digest)) as source:
                return hashlib.file_digest(source, "sha256").hexdigest() == digest
        except FileNotFoundError:
            return False

    @staticmethod
    def _open(file: Path) -> io.BufferedReader:
        return io.BufferedReader(io.FileIO(os.open(file, _OLD), "r"))

    def _sync_names(self, digests: Sequence[str]) -> None:
        """See the names of these mails, and of the folders they lie in, to the disk."""
        folders = {self._file(digest).parent for digest in digests}
        for new in {digest[:4] for digest in digests} - self._entered:
            folders |= {self.path / new[:2], self.path}
        for folder in sorted(folders):
            _sync_folder(folder)
        self._entered |= {digest[:4] for digest in digests}


@contextmanager
def _away_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Away(f"archive {error.filename or path}: {error.strerror or error}") from error


def _write(temporary: Path, mail: bytes) -> None:
    with os.fdopen(os.open(temporary, _NEW, 0o600), "wb") as file:
        file.write(mail)
        file.flush()
        failpoint("archive-temp")
        os.fsync(file.fileno())


def create(path: Path | str) -> None:
    """Create a folder for an archive (0700) where it is missing; raises `SettingsError` when that is not possible."""
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - as above
    missing = [each for each in (folder / "tmp", folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(each.parent)
    except OSError as error:
        raise SettingsError(f"archive: cannot create {folder}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest_in(name: str) -> str:
    """The digest at the end of a URL; an archive that was moved still knows its mails by their old URLs."""
    match = _DIGEST.fullmatch(unquote(name))
    if match is None:
        raise MailprocError(f"archive: {name!r} names no mail")
    return match[1]
