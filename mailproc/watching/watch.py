"""`mailproc watch`: the process that makes a run as soon as there is news.

It has one thread and opens nothing itself, neither a maildrop nor the database: whatever can hang or die does so in a child.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from mailproc.errors import MailprocError, SettingsError
from mailproc.run import Run, chosen, counted
from mailproc.settings import Settings
from mailproc.state import State
from mailproc.supervisor import adopt_orphans, children
from mailproc.systemd import Service
from mailproc.watching.ears import Ears
from mailproc.watching.signals import Told
from mailproc.watching.turns import Turns

TURN = 2.0  # seconds after which a run begins no further chunk, for another maildrop may have news
LONGEST_TURN = 600.0
RETRY = 0.5  # seconds until a maildrop is tried again that another run holds, and until the stop file is looked for again
REST = 10.0  # seconds without a run after one that could not even begin
PATIENCE = 30.0  # seconds after which we are ready although a server has still not said a word

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Watch:
    """A watch over the maildrops ``names`` (none for all), until SIGTERM or SIGINT.

    ``poll`` is the time in seconds between two rounds: a round is what cron's run is, for all maildrops, due mail and the
    outbox. ``reload`` reads the configuration again, on SIGHUP; it raises `SettingsError`. ``show`` is given a line for a
    person, the same one again and again while nothing changes.
    """

    settings: Settings
    names: Sequence[str]
    poll: float
    service: Service
    reload: Callable[[], Settings]
    show: Callable[[str], None] = lambda line: None
    ended: Counter[str] = field(default_factory=Counter)
    _told: Told = field(default_factory=Told)
    _turns: Turns = field(init=False)
    _ears: Ears = field(init=False)
    _before_us: frozenset[int] = field(init=False)
    _settled: bool = False
    _stopped: bool = False
    _turn: float = TURN
    _round_at: float = 0.0
    _rests_until: float = 0.0

    def __post_init__(self) -> None:
        self._before_us = frozenset(children())
        self._turns, self._ears = self._parts(self.settings)

    def run(self) -> int:
        """Watch, and answer the exit status; raises `SettingsError` when the watch cannot begin."""
        with self._told.heeded():
            adopt_orphans()
            _import_what_a_worker_needs(self.settings)
            self._try(self.settings)
            self._begin()
            log.info("watching %s", self._summary())
            try:
                while not self._told.stop:
                    self._step()
            finally:
                self.service.stopping()
                self._ears.close()
        log.info("the watch has ended: %s", self._summary())
        return os.EX_OK

    def _parts(self, settings: Settings) -> tuple[Turns, Ears]:
        maildrops = chosen(settings, self.names)
        ears = Ears(maildrops, self.poll, State(settings.state), self._before_us)
        return Turns(maildrop.name for maildrop in maildrops), ears

    def _try(self, settings: Settings) -> None:
        """Have a worker use the configuration, for what is pending; raises `SettingsError` when it cannot."""
        run = Run(settings, max_time=TURN, progress=self._progress, heed=self._pulse, pending_only=True)
        if not State(settings.state).stop_requested and run.run() == os.EX_CONFIG:
            raise SettingsError("it cannot be worked with this configuration: mend what is said above")

    def _begin(self) -> None:
        self._ears.open()
        self._settled = False
        self._round_at = time.monotonic() + PATIENCE

    def _step(self) -> None:
        """Do what is the most urgent, or wait for something to do."""
        self._pulse()
        self._ears.open()
        if self._told.reload:
            self._reload()
        elif self._must_not_work() or time.monotonic() < self._rests_until:
            self._wait(time.monotonic() + RETRY)
        elif time.monotonic() >= self._round_at:
            self._round()
        elif self._turns.wanted:
            self._work(self._turns.take())
        else:
            self._wait(min(self._round_at, self._turns.held_until))

    def _wait(self, until: float) -> None:
        """Wait for news, a signal, or a moment in monotonic seconds, at which something is due."""
        due = [until, time.monotonic() + self.service.interval] if self.service.interval else [until]
        if not self._ears.descriptors:
            due.append(self._ears.opens_at)
        self._told.wait(self._ears.descriptors, min(due) - time.monotonic())

    def _round(self) -> None:
        """What cron's run does: also for what the ears have not told of."""
        self._settle()
        self._round_at = time.monotonic() + self.poll
        names = self._turns.take_all()
        if names or State(self.settings.state).pending:
            self._work(names)

    def _work(self, names: Sequence[str]) -> None:
        """A run over these maildrops that takes one turn; without any it is over what doors took in and what is due."""
        state = State(self.settings.state)
        before = {name: state.last_success(name) for name in names}
        waiting = self._turns.looks(names)
        run = Run(
            self.settings,
            names,
            max_time=self._turn,
            progress=self._progress,
            look=lambda maildrop: waiting[maildrop.name],
            heed=self._pulse,
            pending_only=not names,
            patient=True,
        )
        try:
            status = run.run()
        except (MailprocError, OSError) as error:  # no process can be started, or it is the state folder
            log.error("%s", error)
            self._rest(names)
            return
        self._turns.hold(names, run.held, RETRY)
        unfinished = [name for name in names if name not in run.held and state.last_success(name) == before[name]]
        self._go_on(names, unfinished, status, run.ended.total() > 0)

    def _rest(self, names: Sequence[str]) -> None:
        """Make no run for a while; then it is the turn of these, or of what doors took in."""
        self._rests_until = time.monotonic() + REST
        self._turns.again(names, names, soon=True)
        self._turns.spooled |= not names

    def _go_on(self, names: Sequence[str], unfinished: Sequence[str], status: int, progress: bool) -> None:
        """What was cut short goes on after the others; what has failed without an end of any mail waits for the next round."""
        self._turns.again(names, unfinished, soon=progress or status == os.EX_OK)
        if not names and progress and State(self.settings.state).pending:
            self._turns.spooled = True
        # A look at a very large maildrop may take longer than a turn.
        vain = unfinished and not progress and status == os.EX_OK
        self._turn = min(self._turn * 2, LONGEST_TURN) if vain else TURN

    def _must_not_work(self) -> bool:
        """Whether the stop file is there. That it is, and that it has gone, is said once; then there is a round."""
        state = State(self.settings.state)
        if state.stop_requested != self._stopped:
            self._stopped = not self._stopped
            self._round_at = time.monotonic()
            said = "nothing is done, because there is the stop file %s" if self._stopped else "the stop file %s has gone"
            log.info(said, state.folder / "stop")
        return self._stopped

    def _reload(self) -> None:
        self._told.reload = False
        self.service.reloading()
        try:
            settings = self.reload()
            turns, ears = self._parts(settings)
            self._try(settings)
        except (MailprocError, OSError) as error:  # of the state folder
            log.error("the configuration is not taken, and the one before stays: %s", error)
            self.service.ready()
            return
        self._ears.close()
        self.settings, self._turns, self._ears = settings, turns, ears
        self._begin()
        log.info("the configuration was read again: watching %s", self._summary())

    def _pulse(self) -> bool:
        """Hear, and be heard of, during a run too; answers whether we are to stop."""
        if self._told.stop:
            self._ears.dismiss()  # it ends beside the message in hand
        for news in self._ears.news():
            self._turns.hear(news)
        if self._turns.all_heard and self._ears.descriptors and not self._settled:
            self._settle()
            self._round_at = time.monotonic()
        self.service.alive()
        line = self._summary()
        self.service.status(line)
        self.show(line)
        return self._told.stop

    def _settle(self) -> None:
        """Each maildrop was looked at, or is out of reach: we are ready."""
        if not self._settled:
            self._settled = True
            self.service.ready()

    def _progress(self, finished: Sequence[str], expected: int) -> None:
        self.ended.update(finished)

    def _summary(self) -> str:
        lost, number = self._turns.lost, len(self._turns.standings)
        ends = counted(self.ended) or "no mail yet"
        stopped = "stopped by the stop file; " if self._stopped else ""
        away = f" ({len(lost)} out of reach: {', '.join(lost[:5])})" if lost else ""
        places = f"{number} maildrop{'s' * (number != 1)}" if number else "what doors take in"
        return f"{stopped}{places}{away}; {ends}"


def _import_what_a_worker_needs(settings: Settings) -> None:
    """Before the first fork, so that a run begins so much sooner and its memory is shared.

    Of a handler nothing is imported here: it may start threads, and a run is to find it as it is then.
    """
    importlib.import_module("mailproc.shift")
    if settings.database.file is None:
        with suppress(ImportError):  # which is told by whoever needs it
            importlib.import_module("psycopg")
    gc.collect()
    gc.freeze()
