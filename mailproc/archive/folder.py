"""An archive in a folder of this machine."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from mailproc.archive.disk import away_on_error, new_file, old_file, side_by_side, write_new
from mailproc.archive.kept import Kept
from mailproc.durability import sync_folder
from mailproc.errors import MailprocError, SettingsError
from mailproc.failpoints import failpoint

_DIGEST = re.compile(r"(?:.*/)?([0-9a-f]{64})")


def create(path: Path | str) -> None:
    """Create a folder for an archive (0700) where it is missing; raises `SettingsError` when that is not possible."""
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the operator's symbolic link
    missing = [each for each in (folder / "tmp", folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            sync_folder(each.parent)
    except OSError as error:
        raise SettingsError(f"archive: cannot create {folder}: {error.strerror}") from error


class FolderArchive:
    """An archive in a folder of this machine, which `create` has made.

    If the folder or its ``tmp`` is missing the archive is away: a disk that is not mounted must not look like an empty archive.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - as above
        self._entered: set[str] = set()  # the folders, as "abcd", whose own names this process has seen to the disk

    def put_many(self, mails: Sequence[bytes]) -> list[str]:
        """Keep these mails, and answer their URLs once all of them are durable; one that is there already is not written."""
        digests = [hashlib.sha256(mail).hexdigest() for mail in mails]
        by_digest = dict(zip(digests, mails, strict=True))
        with away_on_error(self.path), self._temporaries() as temporaries:
            there = [digest for digest in by_digest if self._intact(digest)]
            temporaries |= {digest: self._temporary() for digest in by_digest if digest not in there}
            side_by_side(lambda digest: write_new(temporaries[digest], by_digest[digest]), temporaries)
            self._rename([(temporary, digest) for digest, temporary in temporaries.items()])
            self._sync_names(there)  # a killed run may have renamed them, and no more
        return [self.url(digest) for digest in digests]

    @contextmanager
    def writer(self) -> Iterator[Kept]:
        """A file to write one large mail into; it is kept when its `Kept.keep` was called in the block, else discarded."""
        with self._temporaries() as temporaries:
            temporary = temporaries[""] = self._temporary()
            with away_on_error(temporary):
                kept = Kept(new_file(temporary), temporary, self._enter)
            try:
                yield kept
            finally:
                with suppress(OSError):  # what is in the buffer still is of a mail that is not kept
                    kept.close()

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
        with away_on_error(self.path):
            try:
                with old_file(file) as source:
                    return source.read(octets)
            except FileNotFoundError:
                self._require()
                raise MailprocError(f"archive: there is no {file}") from None

    def exists(self, name: str) -> bool:
        """Whether this mail is kept, as a plain file."""
        with away_on_error(self.path):
            try:
                return stat.S_ISREG(self._file(_digest_in(name)).lstat().st_mode)
            except FileNotFoundError:
                self._require()
                return False

    def sweep(self, older_than: float) -> int:
        """Remove what killed runs left half written, if it was not touched for ``older_than`` seconds; answers how many."""
        swept = 0
        with away_on_error(self.path):
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

    def _enter(self, temporary: Path, digest: str) -> str:
        self._rename([(temporary, digest)])
        return self.url(digest)

    def _rename(self, written: Sequence[tuple[Path, str]]) -> None:
        """Give temporary files, whose bytes are on the disk, the names of their digests, and see these to the disk."""
        failpoint("archive-fsync")
        for temporary, digest in written:
            final = self._file(digest)
            for folder in (final.parent.parent, final.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            temporary.rename(final)
        failpoint("archive-rename")
        self._sync_names([digest for _, digest in written])

    def _intact(self, digest: str) -> bool:
        """Whether the mail is there, byte for byte; a damaged one is written anew."""
        try:
            with old_file(self._file(digest)) as source:
                return hashlib.file_digest(source, "sha256").hexdigest() == digest
        except FileNotFoundError:
            return False

    def _sync_names(self, digests: Sequence[str]) -> None:
        """See the names of these mails, and of the folders they lie in, to the disk."""
        folders = {self._file(digest).parent for digest in digests}
        for new in {digest[:4] for digest in digests} - self._entered:
            folders |= {self.path / new[:2], self.path}
        side_by_side(sync_folder, sorted(folders))
        self._entered |= {digest[:4] for digest in digests}


def _digest_in(name: str) -> str:
    """The digest at the end of a URL; an archive that was moved still knows its mails by their old URLs."""
    match = _DIGEST.fullmatch(unquote(name))
    if match is None:
        raise MailprocError(f"archive: {name!r} names no mail")
    return match[1]
