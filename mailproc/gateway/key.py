"""The key with which the tokens of channels' addresses are made."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from mailproc import SettingsError

_OCTETS = 32
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def key_in(folder: Path) -> bytes:
    """The key in the file ``address.key``, which is made, for its user alone, where it is missing.

    It is needed to show an address again, and not to take mail: where it is lost, the addresses that it made stay valid, and
    who asks again gets others. Raises OSError, and `SettingsError` for a file that holds something else.
    """
    file = folder / "address.key"
    if not file.exists():
        _make(file)
    key = file.read_bytes()
    if len(key) != _OCTETS:
        raise SettingsError(f"{file} is no key of {_OCTETS} octets; remove it, and addresses that were made with it stay valid")
    return key


def _make(file: Path) -> None:
    """Make it whole or not at all; who comes second finds that of the first."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as opened:
        opened.write(secrets.token_bytes(_OCTETS))
        opened.flush()
        os.fsync(opened.fileno())
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()
