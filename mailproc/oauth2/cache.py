"""The file that keeps an access token, and the refresh token that a server has given in exchange for ours.

It is written whole and renamed into its place, so that a reader needs no lock; who asks for a new token holds one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mailproc.durability import sync_folder
from mailproc.errors import Away, SettingsError

PATIENCE = 60.0  # seconds to wait for another process that asks; asking takes half of that at most
_LOOK_EVERY = 0.05  # seconds
_LONGEST = 64 * 1024  # octets
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe in its place does not keep us waiting


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept between two runs.

    ``asked`` and ``origin`` are digests: of what the access token was asked for, and of the refresh token from which the
    kept one descends. ``expires_at`` is in seconds since 1970. A text that is not there is "".
    """

    asked: str = ""
    access_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    origin: str = ""
    refresh_token: str = field(default="", repr=False)


class Cache:
    """The file at ``path``, 0600; its folder is made where it is missing, for its user alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Kept:
        """What is kept; an empty one for a file that is missing or not ours. Raises `SettingsError` for one we may not read."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | _FLAGS)
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise SettingsError(f"{self._path}: {error.strerror}; remove it") from None
        try:
            if os.fstat(descriptor).st_uid != os.geteuid():
                return Kept()
            kept = Kept(**json.loads(os.read(descriptor, _LONGEST)))
        except (OSError, ValueError, TypeError, RecursionError):
            return Kept()
        finally:
            os.close(descriptor)
        sound = all(isinstance(value, float if name == "expires_at" else str) for name, value in asdict(kept).items())
        return kept if sound else Kept()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that writes; raises `Away` when another one does not come to an end."""
        with _trouble_at(self._path):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR | _FLAGS, 0o600)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Away(f"{self._path}: another process has held its lock for {PATIENCE:g} s; end it") from None
            time.sleep(_LOOK_EVERY)

    @contextmanager
    def writing(self) -> Iterator[Callable[[Kept], None]]:
        """Give what writes, durably; its room on the disk is taken before, so that no token that was given is lost.

        Raises `Away` when it cannot be written. The lock must be held.
        """
        new = self._path.with_name(f"{self._path.name}.new")
        with _trouble_at(new):
            new.unlink(missing_ok=True)  # of a process that was killed
            descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _FLAGS, 0o600)
        with os.fdopen(descriptor, "wb") as file:

            def write(kept: Kept) -> None:
                with _trouble_at(self._path):
                    file.write(json.dumps(asdict(kept)).encode())
                    file.truncate()
                    file.flush()
                    os.fsync(descriptor)
                    new.rename(self._path)
                    sync_folder(self._path.parent)

            try:
                with _trouble_at(new):
                    os.posix_fallocate(descriptor, 0, _LONGEST)
                yield write
            finally:
                new.unlink(missing_ok=True)


@contextmanager
def _trouble_at(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Away(f"{path}: {error.strerror}; it must be a file that can be written") from None
