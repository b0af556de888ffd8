"""What is known of each maildrop, and whose turn it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailproc.watching.news import News

LONG = 600.0  # seconds after which it is told that another run holds a maildrop: it may hang

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Standing:
    """A maildrop: was it heard of, does mail wait there (which is assumed until it is known), is it out of reach?

    It is doubted when a run has failed there, until it is heard of again: its server may have gone, and we do not know yet.
    """

    heard: bool = False
    waits: bool = True
    lost: bool = False
    doubted: bool = False
    held_since: float | None = None

    def hold(self, holder: str | None) -> None:
        """Take in that another run holds it, of which ``holder`` is a line, or that none does; one that lasts is loud, once."""
        now = time.monotonic()
        if holder is None:
            self.held_since = None
        elif self.held_since is None:
            self.held_since = now
        elif now - self.held_since > LONG:
            log.error("%s, and has been for %.0f minutes; end it if it hangs", holder, LONG / 60)
            self.held_since = float("inf")


class Turns:
    """The maildrops in the order in which they are to be worked, without one that takes all turns for itself."""

    def __init__(self, names: Iterable[str]) -> None:
        self.standings = {name: Standing() for name in names}
        self.spooled = False
        self.held_until = float("inf")
        self._queue: dict[str, None] = {}
        self._held: dict[str, None] = {}

    @property
    def lost(self) -> list[str]:
        """Those that are out of reach."""
        return [name for name, standing in self.standings.items() if standing.lost]

    @property
    def all_heard(self) -> bool:
        """Whether the ears have said of each what waits there, or that it is out of reach."""
        return all(standing.heard for standing in self.standings.values())

    @property
    def wanted(self) -> bool:
        """Whether it is anybody's turn."""
        if time.monotonic() >= self.held_until:
            self._release()
        return self.spooled or bool(self._queue)

    def hear(self, news: News) -> None:
        """Take in what the ears tell; that a maildrop goes away, and that it comes back, is said once."""
        if news.word == "spooled":
            self.spooled = True
            return
        if news.word == "deaf":
            self._know_nothing()
            return
        standing = self.standings[news.name]
        standing.heard, standing.doubted = True, False
        if news.word in {"away", "refused"}:
            if not standing.lost:
                log.error("%s; it is tried again, and the others are watched", news.reason)
            standing.lost = True
            self._queue.pop(news.name, None)
            return
        if standing.lost:
            log.info("maildrop %s is back", news.name)
        standing.lost, standing.waits = False, news.word != "none"
        if news.word == "new":
            log.debug("maildrop %s: there is new mail", news.name)
            self._queue[news.name] = None

    def _know_nothing(self) -> None:
        """Until the ears are there again, mail may wait anywhere."""
        for standing in self.standings.values():
            standing.heard, standing.waits, standing.doubted = False, True, False

    def take(self) -> list[str]:
        """Those with news, in their order; it is nobody's turn then."""
        taken = list(self._queue)
        self._queue.clear()
        self.spooled = False
        return taken

    def take_all(self) -> list[str]:
        """All that can be reached, those with news first."""
        out_of_reach = {name for name, standing in self.standings.items() if standing.lost or standing.doubted}
        return list(dict.fromkeys([*self.take(), *(name for name in self.standings if name not in out_of_reach)]))

    def looks(self, names: Sequence[str]) -> dict[str, bool]:
        """Whether mail waits in each of these, for a run that is to begin; after it none does, until we hear otherwise."""
        waiting = {name: self.standings[name].waits for name in names}
        for name in names:
            self.standings[name].waits = False
        return waiting

    def hold(self, names: Sequence[str], holders: Mapping[str, str], seconds: float) -> None:
        """Of ``names``, which had a turn, some are in the hands of another run: it is their turn again in so many seconds."""
        for name in names:
            self.standings[name].hold(holders.get(name))
        self._held.update(dict.fromkeys(holders))
        self._still_waits(holders)
        if holders:
            self.held_until = time.monotonic() + seconds

    def _release(self) -> None:
        self._queue.update(self._held)
        self._held.clear()
        self.held_until = float("inf")

    def again(self, names: Sequence[str], unfinished: Collection[str], *, soon: bool) -> None:
        """Those of ``names``, which had a turn together, that were not finished: if ``soon``, it is their turn again.

        The first had most of it and goes last. Who has got news meanwhile keeps its place before them.
        """
        self._still_waits(unfinished)
        if not soon:
            for name in unfinished:
                self.standings[name].doubted = True
        else:
            left = [name for name in [*names[1:], *names[:1]] if name in unfinished and not self.standings[name].lost]
            self._queue.update(dict.fromkeys(left))

    def _still_waits(self, names: Iterable[str]) -> None:
        for name in names:
            self.standings[name].waits = True
