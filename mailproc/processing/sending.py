"""Sending what lies in the outbox: after everything else, so that a relay that is away never holds up incoming mail."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.engine import Connection

from mailproc.database import oopses, outbox
from mailproc.database.engine import reading, writing
from mailproc.database.outbox import Queued
from mailproc.errors import Away, MailprocError, Transient
from mailproc.failpoints import failpoint
from mailproc.oops import make_oops
from mailproc.patience import PATIENCE, retry_after
from mailproc.processing.works import Works
from mailproc.submission import Relay, Submitted

LOUD_AFTER = 6  # tries in vain of a mail: after an hour somebody should know, and then about once an hour
AT_ONCE = 100  # rows read from the outbox together, so that memory stays flat

log = logging.getLogger("mailproc")


def flush(works: Works, relay: Relay | None) -> None:
    """Send what is due; what the relay does not take now waits, what it refuses for good is final.

    A mail is claimed before it is sent and noted after: who dies in between has it sent again with the same Message-ID
    (answers are sent at least once). Raises what the relay raises when it cannot be used at all.
    """
    while not works.watch.stopping():
        now = works.clock()
        with reading(works.engine) as conn:
            rows = outbox.due(conn, now, limit=AT_ONCE)
            others = works.owner.others(conn)
        mine = [row for row in rows if row.owner not in others]
        if not mine:
            return
        _send_all(works, relay, mine)


def _send_all(works: Works, relay: Relay | None, rows: list[Queued]) -> None:
    if relay is None:
        _postpone(works, rows, "no [smtp] is configured")
        return
    left = list(rows)
    try:
        with relay:
            while left and not works.watch.stopping():
                _send(works, relay, left.pop(0))
                if left and not relay.connected:
                    raise Away("the connection broke off")
    except Transient as away:
        level = logging.ERROR if any(row.attempts >= LOUD_AFTER for row in left) else logging.WARNING
        log.log(level, "the relay is away, %d mails wait: %s", len(left), away)
        _postpone(works, left, str(away))
    except MailprocError as refused:
        _postpone(works, left, str(refused))
        raise


def _send(works: Works, relay: Relay, row: Queued) -> None:
    with writing(works.engine) as conn:
        if not outbox.claim(conn, row.id, row.claim, works.owner.id, works.clock()):
            return
    failpoint("outbox-before-send")
    submitted = relay.send(row.reverse_path, row.recipient, row.raw)
    failpoint("outbox-after-250")
    with writing(works.engine) as conn:
        _note(works, conn, row, submitted)


def _note(works: Works, conn: Connection, row: Queued, submitted: Submitted) -> None:
    """Write down what the relay said."""
    now = works.clock()
    if submitted.kind == "sent":
        outbox.sent(conn, row.id, now, submitted.reply)
        log.info("%s: sent to %s", row.receipt_id, row.recipient)
    elif submitted.kind == "refused":
        outbox.refused(conn, row.id, now, submitted.reply)
        log.warning("%s: the relay refused the mail to %s: %s", row.receipt_id, row.recipient, submitted.reply)
    else:
        _wait(conn, row, now, submitted.reply)


def _postpone(works: Works, rows: list[Queued], reason: str) -> None:
    """These were not tried one by one: the relay itself is away."""
    now = works.clock()
    with writing(works.engine) as conn:
        for row in rows:
            _wait(conn, row, now, reason)


def _wait(conn: Connection, row: Queued, now: datetime, reason: str) -> None:
    """Try again later, for as long as an MTA would (RFC 5321 section 4.5.4.1); then it has failed, and loudly."""
    if now - row.created_at < PATIENCE:
        outbox.retry(conn, row.id, now + retry_after(row.attempts), reason)
        return
    oops = make_oops(f"a mail could not be sent: {reason}", now=now, recipient=row.recipient, receipt_id=row.receipt_id)
    oopses.insert(conn, oops)
    outbox.refused(conn, row.id, now, reason)
    log.error("%s: a mail to %s could not be sent for 4 days: %s: %s", row.receipt_id, row.recipient, oops.id, reason)
