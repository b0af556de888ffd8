"""Running the handler of one message behind a savepoint of ours."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Connection, NestedTransaction
from sqlalchemy.orm import Session

from mailproc.address import Address
from mailproc.answers import Unsendable, check_sendable
from mailproc.database import replays
from mailproc.database.engine import database_failed
from mailproc.database.ledger import Started
from mailproc.delivery import Delivery
from mailproc.envelope import Envelope
from mailproc.errors import Interrupted, Rejected, Transient
from mailproc.failpoints import failpoint
from mailproc.handler import performs_of
from mailproc.outcome import Disposition, Outcome
from mailproc.patience import MAX_STARTS
from mailproc.pipeline import Examined, call
from mailproc.processing.receiving import Parcel
from mailproc.processing.works import Works
from mailproc.reading import read_message

log = logging.getLogger("mailproc")


class _Named(logging.LoggerAdapter[logging.Logger]):
    """A handler's logger: every record of it names the message."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        about: Any = (self.extra or {})["about"]
        return f"{about['receipt']}: {msg}", {**kwargs, "extra": self.extra}


def named_log(handler: str, receipt_id: str) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a handler, whose records carry the id of what is in hand."""
    return _Named(log.getChild(handler), {"about": {"receipt": receipt_id}})


class BrokenTransaction(RuntimeError):
    """A handler ended the transaction of the whole chunk; ``session.commit()`` and ``session.rollback()`` are its own."""


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed message; ``examined`` is None when nothing may be known of it, ``bug`` is ours in examining it."""

    started: Started
    parcel: Parcel
    envelope: Envelope
    examined: Examined | None = None
    bug: Exception | None = None

    @property
    def external(self) -> bool:
        """Whether the handler has effects outside the database, so that the message needs a commit of its own."""
        binding = self.examined.binding if self.examined else None
        return binding is not None and binding.traits.external


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a message; ``error`` is what its OOPS tells, None when there is no OOPS."""

    outcome: Outcome
    error: BaseException | str | None = None


def failure(error: BaseException | str, rule: str = "handler") -> Result:
    """The result of a message that failed, whoever's fault it was."""
    place = "the handler" if rule == "handler" else "mailproc"
    reason = error if isinstance(error, str) else f"{type(error).__name__} in {place}"
    return Result(Outcome(Disposition.FAILED, reason, rule), error)


def waited_in_vain(reason: str, waited: timedelta) -> Result:
    """The result of a message that was deferred until our patience ended; ``reason`` is what it waited for."""
    return failure(f"still waiting for {reason} after {waited.days} days", "gave-up")


def run_handler(works: Works, conn: Connection, job: Job) -> Result:
    """Bring one message to its result; on return the transaction is as the outcome wants it.

    Raises what says that the database failed, `BrokenTransaction`, and `Interrupted`; the caller rolls back.
    """
    if job.bug is not None:
        return failure(job.bug, "examine")
    examined = job.examined
    if examined is None or job.started.gave_up:
        return _gave_up(works, job)
    if examined.outcome is not None:
        failed = examined.outcome.disposition is Disposition.FAILED
        return Result(examined.outcome, examined.outcome.reason if failed else None)
    if _replayed(conn, job, examined):
        return Result(Outcome(Disposition.DROPPED, "the same signature was used before", "replay"))
    failpoint("handler-start")
    return _behind_savepoint(works, conn, job, examined)


def _gave_up(works: Works, job: Job) -> Result:
    how = works.deaths.get(job.started.id, "the last one ended without a word")
    return failure(f"gave up after {MAX_STARTS} starts without an outcome; {how}", "gave-up")


def _replayed(conn: Connection, job: Job, examined: Examined) -> bool:
    """Whether another receipt had this strong signature for this recipient (design promise 4)."""
    marks = examined.authenticated.replay if examined.authenticated else ()
    if not marks:
        return False
    failpoint("replay-mark")
    recipient, id = job.envelope.recipient.lower(), job.started.id  # another spelling is no other recipient
    entered = [replays.mark_replay(conn, each.key, each.signed_at, each.content_sha256, recipient, id) for each in marks]
    return not all(entered)


def _behind_savepoint(works: Works, conn: Connection, job: Job, examined: Examined) -> Result:
    """What the handler writes, and even commits, ends with this savepoint; a failure takes all of it back."""
    savepoint = conn.begin_nested()
    try:
        with works.watch.interruptible():
            outcome = _call(works, conn, job, examined)
    except BaseException as error:
        if isinstance(error, Interrupted) and works.watch.stopping():
            _undo(savepoint)
            raise
        if database_failed(error, connection_lost=conn.invalidated):
            raise
        _undo(savepoint)
        return _raised(error)
    if outcome.disposition is Disposition.DEFERRED:
        _undo(savepoint)  # it will be handled again: what it wrote would stand twice
    else:
        _keep(savepoint)
    failed = outcome.disposition is Disposition.FAILED
    return Result(outcome, outcome.reason if failed else None)


@contextmanager
def single() -> Iterator[None]:
    """A process that a handler forked and that comes back here ends at once: it holds a copy of the connection, and would
    work and commit beside its parent.
    """
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(os.EX_SOFTWARE)


def _call(works: Works, conn: Connection, job: Job, examined: Examined) -> Outcome:
    assert examined.binding is not None and examined.authenticated is not None  # noqa: S101 - or it had ended before
    authenticated = examined.authenticated
    message = examined.message
    if authenticated.content is not job.envelope.raw:
        content, is_text, charset = authenticated.content, authenticated.content_is_text, authenticated.charset
        message = read_message(job.envelope.raw, content, is_text=is_text, charset=charset)
    with Session(conn, join_transaction_mode="create_savepoint") as session:
        delivery = Delivery(
            message=message,
            content=authenticated.content,
            raw=job.envelope.raw,
            recipient=Address.parse(job.envelope.recipient),
            reverse_path=job.envelope.reverse_path,
            entrance=job.parcel.arrived.entrance,
            verdict=examined.screened.verdict,
            sender=authenticated.principal,
            session=session,
            id=job.started.id,
            attempt=job.started.attempt,
            now=works.clock(),
            archive_url=job.parcel.archive_url,
            log=named_log(examined.binding.name, job.started.id),
        )
        with single():
            outcome = call(examined.binding.handler, delivery)
        check_sendable(outcome, examined.author)
        if works.answering is None and (outcome.forwards or any(not mail.is_answer for mail in outcome.mails)):
            raise Unsendable("no mail can be sent: there is no [smtp] in the configuration")
        if outcome.intents and performs_of(examined.binding.handler) is None:
            raise Unsendable("the handler sends an intent and has no method perform that would carry it out")
        failpoint("handler-half")
        session.commit()
    return outcome


def _raised(error: BaseException) -> Result:
    """What a handler raised: on purpose, or it is a bug, whatever its class."""
    if isinstance(error, Rejected):
        commands = error.failing_commands
        return Result(
            Outcome(Disposition.REJECTED, str(error), "handler", failing_commands=commands, reply=error.reply, dsn=error.dsn)
        )
    if isinstance(error, Transient):
        return Result(Outcome(Disposition.DEFERRED, str(error), "handler"))
    return failure(error)


def _undo(savepoint: NestedTransaction) -> None:
    _settle(savepoint, savepoint.rollback)


def _keep(savepoint: NestedTransaction) -> None:
    _settle(savepoint, savepoint.commit)


def _settle(savepoint: NestedTransaction, how: Callable[[], None]) -> None:
    """End the savepoint; one that is gone shows that the handler ended the transaction around it."""
    conn = savepoint.connection
    root = conn.get_transaction()
    if not savepoint.is_active or root is None or not root.is_active:
        raise BrokenTransaction("the handler ended the transaction of the chunk")
    try:
        while (inner := conn.get_nested_transaction()) is not None and inner is not savepoint:
            inner.rollback()  # the session's own, which it could not end
        how()
    except Exception as error:
        if database_failed(error, connection_lost=conn.invalidated):
            raise
        raise BrokenTransaction("the handler ended the transaction of the chunk") from error
