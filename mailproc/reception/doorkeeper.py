"""The doorkeeper: everything that the doors ask, answered without ever holding up their loop."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.engine import Engine

from mailproc.database.engine import reading
from mailproc.database.passwords import password_fits
from mailproc.errors import Away, MailprocError
from mailproc.reading import one_line
from mailproc.reception.faults import record
from mailproc.reception.hatch import Hatch
from mailproc.reception.policy import RecipientPolicy
from mailproc.reception.questions import Questions
from mailproc.reply import Reply
from mailproc.smtpd import Caller

log = logging.getLogger("mailproc")


@contextmanager
def _loud() -> Iterator[None]:
    """What is away is told to the client as a 451, and to the operator as an error (design promise 10)."""
    try:
        yield
    except MailprocError as error:
        log.error("%s", error)
        raise Away(str(error)) from error


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """A `Reception`: ``policy`` says whom mail is taken for, and who waits behind the ``hatch`` what becomes of it."""

    engine: Engine
    policy: RecipientPolicy
    hatch: Hatch
    _questions: Questions = field(default_factory=Questions)

    async def recipient(self, caller: Caller, reverse_path: str, recipient: str) -> Reply:
        """Whether we take mail for this recipient from this caller."""
        may_relay = self.policy.may_relay(caller)
        question = partial(self.policy.reply, recipient, may_relay=may_relay)
        asked = self.policy.asked(recipient, may_relay=may_relay)
        with _loud():
            return question() if asked is None else await self._questions.ask(f"addresses of {asked}", question)

    async def message(self, caller: Caller, reverse_path: str, recipients: Sequence[str], raw: bytes) -> Sequence[Reply]:
        """What became of a message."""
        taken_for = [self.policy.taken_for(recipient) for recipient in recipients]
        return await self.hatch.message(caller, reverse_path, taken_for, raw)

    async def login(self, caller: Caller, mechanism: str, username: str, password: str) -> bool:
        """Whether this is the password of an active user of ours."""
        with _loud():
            fits = await self._questions.ask("passwords", partial(self._fits, username, password))
        if not fits:
            log.warning("%s: login of %s by %s refused", caller.peer or "a Unix socket", one_line(username, 100), mechanism)
        return fits

    async def broken(self, caller: Caller, error: Exception) -> str:
        """Record a bug; answers the id of its OOPS."""
        return await self._questions.ask("faults", partial(record, self.engine, error))

    def _fits(self, username: str, password: str) -> bool:
        with reading(self.engine) as conn:
            return password_fits(conn, username, password)
