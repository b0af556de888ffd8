"""Sending what lies in the outbox: after everything else, so that a relay that is away never holds up incoming mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.engine import Connection

from mailproc.address import Address
from mailproc.answers import RATE_LIMIT, RATE_WINDOW, Original, Undelivered, compose_dsn
from mailproc.database import oopses, outbox, receipts
from mailproc.database.engine import reading, writing
from mailproc.database.outbox import Batch, Post, Queued
from mailproc.database.untold import Lost, Untold, told, untold
from mailproc.errors import Away, MailprocError, Transient
from mailproc.failpoints import failpoint
from mailproc.oops import make_oops
from mailproc.patience import PATIENCE, retry_after
from mailproc.processing.works import Works
from mailproc.reading import one_line, read_header
from mailproc.submission import Relay, Submitted

LOUD_AFTER = 6  # tries in vain of a mail: after an hour somebody should know, and then about once an hour
AT_ONCE = 100  # rows read from the outbox together, so that memory stays flat
EXPIRED = "4.4.7"  # delivery time expired (RFC 3463 section 3.5)

_Told: TypeAlias = Sequence[tuple[Queued, Submitted]]

log = logging.getLogger("mailproc")


def flush(works: Works, relay: Relay | None) -> None:
    """Send what is due; what the relay does not take now waits, what it refuses for good is final.

    Recipients of the same bytes and reverse path go in one mail transaction. Each is claimed before it and noted after, all
    that the relay took in one commit: who was noted is never served again. Who dies in between, or loses the connection when
    the final dot was on its way, has everybody of that transaction served once more with the same bytes, and so with the same
    Message-ID: each is served at least once, and rarely twice. Raises what the relay raises when it cannot be used at all.
    """
    while not works.watch.stopping():
        now = works.clock()
        with reading(works.engine) as conn:
            batches = outbox.due(conn, now, limit=AT_ONCE)
            others = works.owner.others(conn)
        mine = [replace(each, rows=rows) for each in batches if (rows := _without(each, others))]
        if mine:
            _send_all(works, relay, mine)
        elif not _tell(works):
            return


def _without(batch: Batch, others: Set[str]) -> tuple[Queued, ...]:
    return tuple(row for row in batch.rows if row.owner not in others)


def _send_all(works: Works, relay: Relay | None, batches: list[Batch]) -> None:
    if relay is None:
        _postpone(works, batches, "no [smtp] is configured")
        return
    left = list(batches)
    try:
        with relay:
            while left and not works.watch.stopping():
                _send(works, relay, left[0])
                del left[0]
                if left and not relay.connected:
                    raise Away("the connection broke off")
    except Transient as away:
        rows = [row for batch in left for row in batch.rows]
        level = logging.ERROR if any(row.attempts >= LOUD_AFTER for row in rows) else logging.WARNING
        log.log(level, "the relay is away, %d mails wait: %s", len(rows), away)
        _postpone(works, left, str(away))
    except MailprocError as refused:
        _postpone(works, left, str(refused))
        raise


def _send(works: Works, relay: Relay, batch: Batch) -> None:
    """Send to everybody in one mail transaction; in further ones to those whom the relay did not want in the same."""
    left = _claimed(works, batch)
    while left and not works.watch.stopping():
        failpoint("outbox-before-send")
        submitted = relay.send(batch.reverse_path, [row.recipient for row in left], batch.raw)
        failpoint("outbox-after-250")
        told = list(zip(left, submitted, strict=True))
        with writing(works.engine) as conn:
            _note(works, conn, batch, told)
        left = [row for row, each in told if each.kind == "left"]


def _claimed(works: Works, batch: Batch) -> list[Queued]:
    now = works.clock()
    with writing(works.engine) as conn:
        return [row for row in batch.rows if outbox.claim(conn, row.id, row.claim, works.owner.id, now)]


def _postpone(works: Works, batches: list[Batch], reason: str) -> None:
    """These were not tried one by one: the relay itself is away."""
    with writing(works.engine) as conn:
        for batch in batches:
            _note(works, conn, batch, [(row, Submitted("retry", reason)) for row in batch.rows])


def _note(works: Works, conn: Connection, batch: Batch, told: _Told) -> None:
    """Write down what the relay said of each."""
    now = works.clock()
    lost = []
    for row, submitted in _out_of_patience(told, now):
        if submitted.kind == "sent":
            outbox.sent(conn, row.id, now, submitted.reply)
            log.info("%s: sent to %s", row.receipt_id, row.recipient)
        elif submitted.kind == "retry":
            outbox.retry(conn, row.id, now + retry_after(row.attempts), submitted.reply)
        elif submitted.kind == "refused":
            outbox.refused(conn, row.id, now, submitted.reply, submitted.status, tells=batch.tell is not None)
            lost.append((row, submitted))
    if lost:
        _give_up(conn, lost, now)
    outbox.cut_letters(conn, [row.id for row, _ in told])


def _out_of_patience(told: _Told, now: datetime) -> Iterator[tuple[Queued, Submitted]]:
    """We try for as long as an MTA would (RFC 5321 section 4.5.4.1); then it has failed."""
    for row, submitted in told:
        waited = submitted.kind == "retry" and now - row.created_at >= PATIENCE
        yield row, replace(submitted, kind="refused", status=EXPIRED) if waited else submitted


def _give_up(conn: Connection, lost: _Told, now: datetime) -> None:
    """Say it loudly: one OOPS for all who were not served for days, because that is our fault."""
    for row, submitted in lost:
        how = "it was given up to send" if submitted.status == EXPIRED else "the relay refused"
        log.warning("%s: %s the mail to %s: %s", row.receipt_id, how, one_line(row.recipient), submitted.reply)
    expired = [(row, submitted.reply) for row, submitted in lost if submitted.status == EXPIRED]
    if not expired:
        return
    row, reason = expired[0]
    oops = make_oops(f"a mail could not be sent: {reason}", now=now, recipient=row.recipient, receipt_id=row.receipt_id)
    oopses.insert(conn, oops)
    whom = f"{one_line(row.recipient)} and {len(expired) - 1} more" if len(expired) > 1 else one_line(row.recipient)
    log.error("%s: a mail to %s could not be sent for 4 days: %s: %s", row.receipt_id, whom, oops.id, reason)


def _tell(works: Works) -> bool:
    """Tell one sender who will never get their mail, when all that was due has been tried; False when there is nobody to tell.

    The report waits in the outbox as any answer does; that it may be sent was decided when the message ended.
    """
    with reading(works.engine) as conn:
        found = untold(conn)
    if found is not None:
        with writing(works.engine) as conn:
            told(conn, [lost.id for lost in found.rows], works.clock())
            _report(works, conn, found)
    return found is not None


def _report(works: Works, conn: Connection, about: Untold) -> None:
    now = works.clock()
    if works.answering is None:
        return
    if outbox.answers_between(conn, about.tell, now - RATE_WINDOW, now) >= RATE_LIMIT:
        log.warning("%s: answer suppressed: rate: %s is not told who was refused", about.receipt_id, about.tell)
        return
    undelivered = [_undelivered(lost) for lost in about.rows]
    mail = compose_dsn(works.answering, _original(conn, about), undelivered, serial=str(about.rows[0].id), now=now)
    post = Post(mail.raw, mail.reverse_path, [mail.recipient], mail.message_id, answer=True)
    outbox.queue(conn, [post], receipt_id=about.receipt_id, now=now)


def _undelivered(lost: Lost) -> Undelivered:
    """What the sender is told: the words of a mail server, or ours where they do not name our relay and what is wrong there."""
    names_it = lost.status == EXPIRED and not lost.reply[:3].isdigit()
    return Undelivered(lost.recipient, "no mail server took it for 4 days" if names_it else lost.reply, lost.status)


def _original(conn: Connection, about: Untold) -> Original:
    """The mail as it went on, and the address that its sender knows."""
    receipt = receipts.find_receipt(conn, about.receipt_id or "")
    return Original.of(
        about.raw,
        read_header(about.raw),
        size=len(about.raw),
        recipient=receipt.recipient if receipt else "",
        receipt_id=about.receipt_id or "",
        author=Address.parse(about.tell),
    )
