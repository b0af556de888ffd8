"""`maildir`: mail is delivered into a Maildir, and is on the disk before it is called handled."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mailproc import Delivery, Outcome, Transient, Trust, handler
from mailproc.durability import sync_folder
from mailproc.ends.trace import below, final_delivery

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@handler(requires=Trust.NONE, external=True)
@dataclass(frozen=True)
class Maildir:
    """Delivers each mail to the Maildir ``folder``, with Return-Path and Delivered-To on top, in lines that end with LF.

    A folder that is missing is made (0700) below one that is there; one that is there must be a Maildir, because a disk that
    is not mounted must not look like an empty one.
    """

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Deliver it once, however often we are started: the name of the file is made from the id of the delivery."""
        top = "".join(f"{line}\n" for line in final_delivery(delivery))
        try:
            kept = _keep(self.folder, f"{delivery.id}.mailproc", top.encode() + below(delivery).replace(b"\r\n", b"\n"))
        except OSError as error:
            delivery.log.warning("Maildir %s: %s", self.folder, error.strerror or error)
            raise Transient(f"the Maildir: {error.strerror or error}") from error
        return delivery.handled("delivered" if kept else "delivered before")


def _keep(path: Path, name: str, mail: bytes) -> bool:
    """Put a mail into a Maildir, durably; False when it was there already. Raises OSError."""
    _make(path)
    with _opened(path) as (tmp, new, cur):
        if _there(name, new, cur):
            os.fsync(new)  # it may be there and its name not yet on the disk
            return False
        # Two processes must never write the same file; that in new is the same whoever was first.
        draft = f"{name}.{secrets.token_hex(8)}"
        try:
            _write(os.open(draft, _NEW, 0o600, dir_fd=tmp), mail)
            os.rename(draft, name, src_dir_fd=tmp, dst_dir_fd=new)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=tmp)
            raise
        os.fsync(new)
    return True


def _there(name: str, new: int, cur: int) -> bool:
    """Whether the mail is there, read or unread: a reader moves it to cur and puts flags behind its name."""
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=new, follow_symlinks=False)
        return True
    return any(file.startswith(name) for file in os.listdir(cur))


def _make(path: Path) -> None:
    """Make a Maildir whole or not at all: a folder that lacks a part is taken for none."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        for part in ("", "tmp", "new", "cur"):
            (draft / part).mkdir(0o700)
        sync_folder(draft)
        with suppress(OSError):  # another process was faster
            draft.rename(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(descriptor: int, mail: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(mail)
        file.flush()
        os.fsync(descriptor)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int, int]]:
    """The open folders tmp, new and cur of a Maildir; they are never what symbolic links point to."""
    with _folder(str(path)) as root, _folder("tmp", root) as tmp, _folder("new", root) as new, _folder("cur", root) as cur:
        yield tmp, new, cur


@contextmanager
def _folder(name: str, parent: int | None = None) -> Iterator[int]:
    links = 0 if parent is None else os.O_NOFOLLOW
    folder = os.open(name, _FOLDER | links, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)
