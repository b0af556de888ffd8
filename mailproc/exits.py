"""Exit statuses, as sysexits has them: what the end of a run tells the shell, cron and systemd."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from mailproc.errors import LoginRefused, MailprocError, MissingProgram, SettingsError, Transient, of_the_machine

# The most telling status wins when the maildrops of a run end unlike.
_GRAVEST_FIRST = (os.EX_SOFTWARE, os.EX_CONFIG, os.EX_NOPERM, os.EX_UNAVAILABLE, os.EX_TEMPFAIL, os.EX_USAGE, os.EX_OK)

log = logging.getLogger("mailproc")


def exit_status(error: MailprocError) -> int:
    """The sysexits status that tells what went wrong outside of a message."""
    kinds: tuple[tuple[type[MailprocError], int], ...] = (
        (SettingsError, os.EX_CONFIG),
        (MissingProgram, os.EX_UNAVAILABLE),
        (LoginRefused, os.EX_NOPERM),
        (Transient, os.EX_TEMPFAIL),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), os.EX_USAGE)


def last_words(error: BaseException) -> int:
    """Say what ends a process outside of any message, and answer the status for it."""
    known = error if isinstance(error, MailprocError) else of_the_machine(error)
    if known is None:
        log.critical("a bug of ours outside of any message: %s: %s", type(error).__name__, error, exc_info=error)
        return os.EX_SOFTWARE
    log.error("%s", known)
    return exit_status(known)


def gravest(statuses: Iterable[int]) -> int:
    """The status of a whole whose parts ended so."""
    found = set(statuses)
    return next((status for status in _GRAVEST_FIRST if status in found), os.EX_OK)
