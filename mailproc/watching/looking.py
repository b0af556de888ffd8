"""How each kind of maildrop is listened to: a thread looks at it whenever something may have come.

A look answers the uids of all that waits, as the look of every run does. What is told is the difference to the look before,
so that mail that stays (deferred, kept, of another's concern) is not told again and again.
"""

from __future__ import annotations

import logging
import os
import random
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mailproc.drops import open_drop
from mailproc.errors import Locked, LoginRefused, MailprocError, SettingsError
from mailproc.settings import ImapUrl, MaildirUrl, Maildrop, MboxUrl, Pop3Url
from mailproc.state import State
from mailproc.watching.news import News, Word

LOOK = 0.25  # seconds between two looks at the times of files
RETRY = 1.0  # seconds until a maildrop is asked again that a run is working
LONGEST = 300.0  # seconds between two tries to reach a maildrop
REFUSED = 300.0  # seconds, at the least, until a login is tried again that was refused: sooner might lock the account
_FRESH_NS = 100_000_000  # a time of a file that is as young as this may be that of the next change too

log = logging.getLogger("mailproc")

Tell = Callable[[News], None]


class Seen:
    """What was there when we looked last, in eight octets a message."""

    def __init__(self) -> None:
        self._before = array("q")

    def word(self, uids: Sequence[str]) -> Word:
        """What there is to be told of a look, which is remembered."""
        now, before = array("q", sorted(map(hash, uids))), self._before
        self._before = now
        if not now:
            return "none"
        return "same" if now == before or set(now) <= set(before) else "new"


def listen(maildrop: Maildrop, poll: float, state: State, tell: Tell) -> None:
    """Tell for ever of a maildrop, and at once what waits there; ``poll`` is in seconds.

    A connection that is lost is made again; only if that fails is the maildrop away. Then it is tried at growing intervals,
    at random moments, so that a thousand clients do not come back to a server at once.
    """
    attempt = 0
    while True:
        looked = 0
        seen = Seen()
        try:
            for uids in _looks(maildrop, poll, state):
                looked += 1
                tell(News(seen.word(uids), maildrop.name))
                attempt = attempt if looked == 1 else 0  # a server that always hangs up at once is no better than one away
        except MailprocError as error:
            refused = isinstance(error, LoginRefused)
            if looked and not refused:
                log.info("%s; connecting again", error)
            else:
                tell(News("refused" if refused else "away", maildrop.name, str(error)))
            time.sleep(pause(attempt, refused=refused))
            attempt += 1


def pause(attempt: int, *, refused: bool) -> float:
    """The seconds until the next try after the ``attempt``-th in vain, counted from 0."""
    if refused:
        return REFUSED * random.uniform(1, 2) * min(2.0**attempt, 6.0)  # noqa: S311 - no secret
    return random.uniform(0, min(LONGEST, 2.0 ** min(attempt, 20)))  # noqa: S311 - no secret


def listen_for_spool(state: State, tell: Tell) -> None:
    """Tell for ever when a door, a pipe or `mailproc inject` has left something to do."""
    before = _times(state.spooled)
    while True:
        time.sleep(LOOK)
        if (now := _times(state.spooled)) != before:
            before = now
            tell(News("spooled"))


def _looks(maildrop: Maildrop, poll: float, state: State) -> Iterator[Sequence[str]]:
    match maildrop.url:
        case ImapUrl():
            return _connected(maildrop, poll)
        case MaildirUrl(path):
            return _files(maildrop, (path / "new", path / "cur"), poll)
        case MboxUrl(path):
            return _files(maildrop, (path,), poll)
        case Pop3Url():
            return _polled(maildrop, poll, state)
        case unknown:
            kind = type(unknown).__name__
            raise SettingsError(f"{maildrop.name}: nothing here listens to a maildrop of the kind {kind}")


def _connected(maildrop: Maildrop, poll: float) -> Iterator[Sequence[str]]:
    """One connection to an IMAP server, which says when something has changed."""
    from mailproc.maildrops.idle import rest  # brings the IMAP client

    drop: Any = open_drop(maildrop, readonly=True)
    try:
        while True:
            yield drop.uids()
            rest(drop, poll)
            time.sleep(LOOK / 5)  # a server that always has something to say does not keep us busy
    finally:
        drop.close()


def _files(maildrop: Maildrop, places: Sequence[Path], poll: float) -> Iterator[Sequence[str]]:
    """Files on this machine: the folders of a Maildir, or an mbox, have other times as soon as something has changed."""
    while True:
        before, until = [_times(place) for place in places], time.monotonic() + poll
        fresh = any(times and abs(time.time_ns() - times[0]) < _FRESH_NS for times in before)
        yield _look(maildrop)
        time.sleep(LOOK)
        while not fresh and [_times(place) for place in places] == before and time.monotonic() < until:
            time.sleep(LOOK)


def _polled(maildrop: Maildrop, poll: float, state: State) -> Iterator[Sequence[str]]:
    """A server that says nothing by itself and has but one client at a time (RFC 1939 section 3): us, or a run."""
    while True:
        try:
            with state.locked(maildrop.name):
                uids = _look(maildrop)
        except Locked:
            time.sleep(RETRY)
            continue
        yield uids
        time.sleep(poll)


def _look(maildrop: Maildrop) -> Sequence[str]:
    drop = open_drop(maildrop, readonly=True)
    try:
        return drop.uids()
    finally:
        drop.close()


def _times(path: Path) -> tuple[int, int, int] | None:
    """When a file has changed, how large it is and which it is; None when it cannot be seen.

    What copies a Maildir may put the time of its last change back, but not that of its inode.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - asked four times a second
    except OSError:
        return None
    return status.st_ctime_ns, status.st_size, status.st_ino
