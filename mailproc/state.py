"""The state folder: locks, markers and temporary files of one machine, all of one user.

::

    locks/NAME.lock      held while the maildrop NAME is being emptied
    last-success/NAME    its time is that of the last run that emptied NAME
    too-large/NAME       the uids of what stays in NAME because it is too large to be archived
    pending              there is something to do besides new mail
    spooled              its time is when a door, a pipe or `mailproc inject` last left something to do
    tokens/NAME          the access token of [oauth2.NAME], and the refresh token that came in exchange for the operator's
    debts                the starts of messages that only the database kept from ending, to be given back
    crowd                touched when clients waited for each other at a door
    address.key          `mailproc address` makes the addresses of channels with it; without it there would be others
    stop                 put there by an operator: end after the message in hand
    owners/, tmp/        of running processes
"""

from __future__ import annotations

import fcntl
import logging
import os
import pwd
import shlex
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailproc.crowd import Crowd
from mailproc.debts import Debts
from mailproc.errors import Locked, SettingsError
from mailproc.pending import Pending

if TYPE_CHECKING:
    from mailproc.settings import Settings

_FOLDERS = ("locks", "last-success", "too-large", "owners", "tmp")

log = logging.getLogger("mailproc")


@dataclass(frozen=True, slots=True)
class Owning:
    """An owner's id, and the descriptor of its lock, which a forked child must close."""

    id: str
    descriptor: int


@dataclass(frozen=True, slots=True)
class State:
    """A state folder; nothing is created or opened by naming it."""

    folder: Path

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.folder / "tmp"

    @property
    def owners(self) -> Path:
        """The folder with the lock of every running process."""
        return self.folder / "owners"

    @property
    def pending(self) -> Pending:
        """The marker of work besides new mail."""
        return Pending(self.folder / "pending")

    @property
    def crowd(self) -> Crowd:
        """The clients that crowd at a door."""
        return Crowd(self.folder / "crowd")

    @property
    def debts(self) -> Debts:
        """The starts that are owed back."""
        return Debts(self.folder / "debts")

    @property
    def spooled(self) -> Path:
        """The file whose time is that of the last `note_spooled`; it need not be there."""
        return self.folder / "spooled"

    @property
    def stop_requested(self) -> bool:
        """Whether an operator has put the stop file there."""
        return (self.folder / "stop").exists()

    def create(self) -> bool:
        """Make the folder, for its user alone, where it is missing; answers whether it was."""
        new = not self.folder.exists()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _FOLDERS:
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        return new

    def require(self) -> None:
        """Raise `SettingsError` unless the folder is there and closed to others."""
        try:
            mode = self.folder.stat().st_mode
        except OSError as error:
            raise SettingsError(
                f"state: {self.folder}: {error.strerror}; type: mailproc init, or mailproc db upgrade"
            ) from None
        if not stat.S_ISDIR(mode) or mode & 0o077:
            raise SettingsError(f"state: {self.folder} must be a folder for its user alone; type: chmod 700 {self.folder}")

    @contextmanager
    def locked(self, name: str, *, wait: bool = False) -> Iterator[int]:
        """Hold the lock of the maildrop ``name``; raises `Locked` at once when another process has it, unless we ``wait``.

        Gives the descriptor, which a forked child must close: the lock lives as long as any copy of it is open. There is
        no stale lock, since the kernel frees it with the process, however that dies.
        """
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.folder / "locks" / f"{name}.lock", flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked(f"maildrop {name}: {_holder(descriptor)} is at work on it") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def owning(self) -> Iterator[Owning]:
        """Be an owner of receipts for as long as the block lasts: hold the lock of a file of our own in ``owners``."""
        id = f"{os.getpid()}-{os.urandom(6).hex()}"
        path = self.owners / id
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Owning(id, descriptor)
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def sweep(self, older_than: float) -> None:
        """Remove temporary files that killed processes left behind, of ``older_than`` seconds or more."""
        import shutil  # it brings compressors along, and cron asks every minute

        for path in self.temporary.iterdir():
            if time.time() - path.lstat().st_mtime > older_than:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def note_success(self, name: str) -> None:
        """Note that the maildrop ``name`` was emptied now."""
        (self.folder / "last-success" / name).touch(mode=0o600)

    def note_spooled(self) -> None:
        """Note that there is something to do that came by a door, a pipe or a file; who watches does it now. Raises nothing."""
        try:
            self.spooled.touch(mode=0o600)
        except OSError as error:  # the mail is ours by now: a client that were told otherwise would send it again
            log.error("state: %s: %s; what came is worked by the next run", self.spooled, error.strerror)

    def note_too_large(self, name: str, uids: Sequence[str]) -> None:
        """Note what stays in the maildrop ``name`` because it is too large to be archived; loud when there is more of it."""
        path = self.folder / "too-large" / name
        before = self.too_large(name)
        if new := [uid for uid in uids if uid not in before]:
            log.error("maildrop %s: %d messages are too large to be archived and stay there: %s", name, len(new), new[:5])
        if list(uids) != before:
            path.write_text("".join(f"{uid}\n" for uid in uids), encoding="utf-8")

    def too_large(self, name: str) -> list[str]:
        """The uids noted by `note_too_large`."""
        try:
            return (self.folder / "too-large" / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def last_success(self, name: str) -> datetime | None:
        """When the maildrop ``name`` was last emptied; None for never."""
        try:
            return datetime.fromtimestamp((self.folder / "last-success" / name).stat().st_mtime, UTC)
        except OSError:
            return None


def owned(settings: Settings) -> list[Path]:
    """What of an installation must belong to the user who runs it: the state folder, and the file of SQLite."""
    return [path for path in (settings.state, settings.database.file) if path is not None]


def ready_state(settings: Settings) -> State:
    """The state folder, there, ours and whole; raises `SettingsError` where it is missing, or is somebody else's."""
    refuse_foreign(owned(settings))
    state = State(settings.state)
    state.require()
    state.create()
    return state


def refuse_foreign(paths: Sequence[Path]) -> None:
    """Raise `SettingsError`, with the command that is to be typed, when one of the paths belongs to another user.

    That is the command of this process. A try by root would leave files behind that the next run from cron cannot write.
    """
    for path in paths:
        owner = path.stat().st_uid if path.exists() else os.geteuid()
        if owner != os.geteuid():
            name = _user(owner)
            raise SettingsError(f"{path} belongs to {name}; type: {shlex.join(['sudo', '-u', name, *_typed()])}")


def _typed() -> list[str]:
    program = "handle-mail" if Path(sys.argv[0]).name == "handle-mail" else "mailproc"
    return [program, *sys.argv[1:]]


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"  # as sudo takes it


def _holder(descriptor: int) -> str:
    """Who wrote its number into the lock: for the eyes of a person only."""
    pid = os.pread(descriptor, 20, 0).strip()
    return f"process {int(pid)}" if pid.isdigit() else "another process"
