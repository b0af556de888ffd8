"""Ending one message: its outcome, its OOPS and what is to be sent, all written in the transaction of its effects.

Where a client waits for the end it is told there (RFC 5321 section 4.2), and an error mail besides would be backscatter; a
failure is final there only after the last start, because the client comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from mailproc.answers import RATE_WINDOW, Original, compose, may_answer, wire_address
from mailproc.database import endings, errands, oopses, outbox
from mailproc.database.outbox import Post
from mailproc.failpoints import failpoint
from mailproc.oops import Oops, make_oops
from mailproc.outcome import Disposition, Outcome
from mailproc.patience import MAX_STARTS, PATIENCE
from mailproc.pipeline import Examined
from mailproc.principal import NOBODY, Principal
from mailproc.processing.handling import Job, Result, waited_in_vain
from mailproc.processing.works import Works
from mailproc.reading import one_line, read_header
from mailproc.replies import reply_of
from mailproc.reply import Reply
from mailproc.screening import FROM_A_PERSON, suppresses_answers

NO_ANSWER = "answer suppressed: "
LONGEST_ID = 250  # characters of a Message-ID that are noted
TOLD = (Disposition.REJECTED, Disposition.FAILED)

log = logging.getLogger("mailproc")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a message ended, and what the ledger says of it; not true before the commit.

    ``final`` says that it is done with. ``reply`` is what a client that waits for it is told.
    """

    job: Job
    result: Result
    facts: Mapping[str, Any]
    final: bool
    reply: Reply

    @property
    def id(self) -> str:
        """The receipt's id."""
        return self.job.started.id

    @property
    def disposition(self) -> Disposition:
        """How it ended."""
        return self.result.outcome.disposition

    def tell(self) -> None:
        """Log the one event of the decision; an error names the archive's address of the mail."""
        about = {"receipt": self.id, "disposition": str(self.disposition), **self.facts}
        error = self.result.error
        if error is None:
            log.info("%s: %s: %s", self.id, self.disposition, self.facts["reason"], extra={"about": about})
            return
        caught = error if isinstance(error, BaseException) else None
        what = "An exception was raised inside the handler" if caught else self.facts["reason"]
        words = (self.id, what, self.facts["oops_id"], self.job.parcel.archive_url)
        log.error("%s: %s: %s; the mail is %s", *words, exc_info=caught, extra={"about": about})


def close(works: Works, conn: Connection, job: Job, result: Result) -> Ended:
    """Write how the message ended."""
    now = works.clock()
    result = _out_of_patience(job, result, now)
    outcome = result.outcome
    facts = _facts(job, outcome)
    final = outcome.disposition.final and not _comes_again(job, outcome)
    oops = _record_oops(works, conn, job, result)
    if oops is not None or final:
        facts["oops_id"] = oops.id if oops else None
    reply = reply_of(outcome, id=job.started.id, oops_id=facts.get("oops_id"), final=final)
    if outcome.disposition is Disposition.DEFERRED:
        endings.defer(conn, job.started, facts, now)
    elif not final:
        endings.fail_for_now(conn, job.started, facts)
    else:
        told = outcome.disposition in TOLD and not _told_at_the_door(conn, job)
        facts["answer"] = _send(works, conn, job, outcome, facts["oops_id"], told)
        _intend(conn, job, outcome, str(facts["handler"]), now)
        waits = job.parcel.arrived.client_waits
        endings.finish(conn, job.started, outcome.disposition, facts, now, reply.line(), client_waits=waits)
    return Ended(job, result, facts, final, reply)


def _told_at_the_door(conn: Connection, job: Job) -> bool:
    """Whether a client hears of this end, or has heard of an earlier one: a mail besides would tell the sender twice."""
    return job.parcel.arrived.client_waits or endings.told_at_the_door(conn, job.started.id)


def tell_by_mail(works: Works, conn: Connection, job: Job, outcome: Outcome, oops_id: str | None) -> None:
    """Send the error mail for one of several recipients, after all: the client was told 250, because of another one.

    Once only: a client that has not heard its 250 comes again.
    """
    if endings.answer_of(conn, job.started.id) is None:
        mail = replace(outcome, send=())  # what the handler sends was put into the outbox with its end
        endings.note_answer(conn, job.started.id, _send(works, conn, job, mail, oops_id, told=True))


def _comes_again(job: Job, outcome: Outcome) -> bool:
    """Whether the client that waits has a failed message yet, and may be told to come again."""
    failed = outcome.disposition is Disposition.FAILED and outcome.rule != "gave-up"
    return job.parcel.arrived.client_waits and failed and job.started.attempt < MAX_STARTS


def _out_of_patience(job: Job, result: Result, now: datetime) -> Result:
    """A message that has been deferred for days has failed (RFC 5321 section 4.5.4.1)."""
    waited = now - job.started.waiting_since
    if result.outcome.disposition is not Disposition.DEFERRED or waited < PATIENCE:
        return result
    return waited_in_vain(result.outcome.reason, waited)


def _facts(job: Job, outcome: Outcome) -> dict[str, Any]:
    """What the ledger keeps of a message beside its end."""
    seen = job.examined
    principal = _principal(seen)
    return {
        "sender": str(seen.author) if seen and seen.author else None,
        "user": principal.user,
        "trust": str(principal.trust),
        "method": principal.method,
        "fingerprint": principal.fingerprint,
        "handler": seen.binding.name if seen and seen.binding else None,
        "verdict": str(seen.screened.verdict) if seen else None,
        "rule": outcome.rule or (seen.screened.rule if seen else None),
        "reason": one_line(outcome.reason, 500),
        "report": outcome.report,
    }


def _principal(seen: Examined | None) -> Principal:
    return seen.authenticated.principal if seen and seen.authenticated else NOBODY


def _record_oops(works: Works, conn: Connection, job: Job, result: Result) -> Oops | None:
    if result.error is None:
        return None
    failpoint("oops")
    seen = job.examined
    oops = make_oops(
        result.error,
        now=works.clock(),
        principal=_principal(seen),
        message_id=seen.message.message_id if seen else None,
        recipient=job.envelope.recipient,
        archive_url=job.parcel.archive_url,
        receipt_id=job.started.id,
    )
    oopses.insert(conn, oops)
    return oops


def _send(works: Works, conn: Connection, job: Job, outcome: Outcome, oops_id: str | None, told: bool) -> str | None:
    """Put the mails of an outcome and what goes on into the outbox, and the error mail where the sender is ``told`` by one.

    Answers what became of the answer, None where none was wanted.
    """
    wanted = told or any(mail.is_answer for mail in outcome.mails)
    tells = any(forward.tells_sender for forward in outcome.forwards)
    if not (wanted or outcome.mails or outcome.forwards):
        return None
    if works.answering is None:
        return f"{NO_ANSWER}no [smtp] is configured"
    refusal = _refusal(works, conn, job, outcome) if wanted or tells else None
    now = works.clock()
    answerable = wanted and refusal is None
    mails = compose(works.answering, _original(job), outcome, now=now, answerable=answerable, oops_id=oops_id)
    posts = [Post(mail.raw, mail.reverse_path, [mail.recipient], mail.message_id, mail.answer) for mail in mails]
    onward = _onward(outcome, tell=_author(job) if tells and refusal is None else None)
    outbox.queue(conn, [*posts, *onward], receipt_id=job.started.id, now=now)
    return (refusal or "queued") if wanted else None


def _onward(outcome: Outcome, tell: str | None) -> Iterator[Post]:
    """What goes on as it is; ``tell`` is who may be told of the recipients that are refused for good."""
    ids = {raw: read_header(raw).first("Message-ID") for raw in {forward.raw for forward in outcome.forwards}}
    for forward in outcome.forwards:
        message_id = one_line(ids[forward.raw] or "", LONGEST_ID)
        told = tell if forward.tells_sender else None
        yield Post(forward.raw, forward.reverse_path, forward.recipients, message_id, tell=told)


def _intend(conn: Connection, job: Job, outcome: Outcome, handler: str, now: datetime) -> None:
    """Put what the handler wants done elsewhere beside the outbox."""
    for intent in outcome.intents:
        errands.queue(conn, receipt_id=job.started.id, handler=handler, intent=intent, now=now)


def _refusal(works: Works, conn: Connection, job: Job, outcome: Outcome) -> str | None:
    """Why this message is not answered, or None: decided once, at its end, whatever ended it (design promise 3)."""
    seen = job.examined
    if seen is None:
        return f"{NO_ANSWER}the mail cannot be read"
    told_again = outcome.disposition in TOLD and endings.answer_of(conn, job.started.id) == "queued"
    if works.answering is None or told_again or endings.answered_before(conn, job.parcel.sha256, job.started.id):
        return f"{NO_ANSWER}answered already"
    now = works.clock()
    written = _author(job)
    return may_answer(
        author=seen.author,
        user_active=seen.user.active if seen.user else None,
        reverse_path=job.envelope.reverse_path,
        from_a_person=seen.screened.verdict in FROM_A_PERSON,
        suppressed=suppresses_answers(seen.message.header),
        ours=works.answering.is_ours,
        recent=outbox.answers_between(conn, written, now - RATE_WINDOW, now) if written else 0,
    )


def _author(job: Job) -> str | None:
    """The single From address as it is written to, None when there is none or we do not write to it."""
    author = job.examined.author if job.examined else None
    return wire_address(author) if author else None


def _original(job: Job) -> Original:
    return Original.of(
        job.envelope.raw,
        job.parcel.arrived.message.header,
        size=job.parcel.arrived.size,
        recipient=job.envelope.recipient,
        receipt_id=job.started.id,
        author=job.examined.author if job.examined else None,
    )
