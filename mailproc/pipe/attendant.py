"""The worker of one mail from a pipe: whom it is taken for, and what comes of it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from mailproc.app import make_limits, make_works
from mailproc.database import owners
from mailproc.database.engine import reading, writing
from mailproc.database.leaving import anything_leaves
from mailproc.errors import MailprocError, Rejected
from mailproc.failpoints import failpoint
from mailproc.ownership import forget_the_dead
from mailproc.pipe.source import INPUT, Patience, Writer, read_mail
from mailproc.pipe.status import reply_to
from mailproc.processing.attending import attend
from mailproc.processing.gathering import Gathered, gather
from mailproc.processing.receiving import Arrived
from mailproc.processing.works import Works
from mailproc.reading import read_message
from mailproc.reception.faults import record
from mailproc.reception.policy import DENIED, RecipientPolicy
from mailproc.recipients import Recipients, reverse_path_of
from mailproc.replies import joint, our_fault
from mailproc.reply import Reply
from mailproc.settings import Settings
from mailproc.state import State
from mailproc.worker import Link

_ELSEWHERE = Reply(550, "5.1.2", "This domain is not served here")
_MANY = 50  # processes on the list of owners that nobody has taken off; each of us looks at all of them

# An MTA can write this line with the time of the attempt (flag F of Postfix's pipe, message_prefix of Exim): with it the mail
# would be another one each time, and its effects come twice. "From :" is a field (RFC 5322 section 4.5).
_MBOX_LINE = re.compile(rb"From (?![ \t]*:)[^\n]*\n")

log = logging.getLogger("mailproc")


@dataclass(slots=True)
class Attendant:
    """Works one mail, of which ``head`` is there and the rest is on standard input unless that is the ``whole``."""

    settings: Settings
    owner_id: str
    link: Link
    patience: Patience
    writer: Writer
    head: bytes
    whole: bool

    def reply(self, recipients: Sequence[str], reverse_path: str | None) -> Reply:
        """What becomes of the mail for all of the recipients; whatever goes wrong with us has the MTA come again."""
        state = State(self.settings.state)
        try:
            works = make_works(self.settings, self.owner_id, watch=self.link, note_pending=state.pending.set)
            told = self._told(works, recipients, reverse_path)
            _tidy(works, state)
        except MailprocError as error:
            log.error("%s", error)
            told = reply_to(error)
        failpoint("receive-before-250")
        return told

    def _told(self, works: Works, recipients: Sequence[str], reverse_path: str | None) -> Reply:
        policy = RecipientPolicy(works.site, works.engine)
        try:
            return _refusal(policy, recipients) or self._attended(works, list(map(policy.taken_for, recipients)), reverse_path)
        except Rejected as too_big:
            return Reply(552, "5.3.4", str(too_big))
        except MailprocError:
            raise
        except Exception as error:
            return our_fault(record(works.engine, error))

    def _attended(self, works: Works, recipients: Sequence[str], reverse_path: str | None) -> Reply:
        if reverse_path is None:
            reverse_path = self._path_above()
        mail = gather(self._pieces(), works.archive, make_limits(self.settings))
        os.dup2(os.open(os.devnull, os.O_RDONLY), INPUT)  # what a handler starts must not wait for the MTA
        (reply,) = attend(works, _arrived(works, mail, recipients, reverse_path), one_reply=True)
        return reply

    def _path_above(self) -> str | None:
        """The path of the MTA's line "From ". A field Return-Path is not believed: it may be the sender's own."""
        found = _MBOX_LINE.match(self.head)
        return reverse_path_of(read_message(found[0]).header) if found else None

    def _pieces(self) -> Iterator[bytes]:
        found = _MBOX_LINE.match(self.head)
        rest = () if self.whole else read_mail(self.patience, self.writer)
        return chain([self.head[found.end() :] if found else self.head], rest)


def _refusal(policy: RecipientPolicy, recipients: Sequence[str]) -> Reply | None:
    """Why nothing is taken, or None. One status is for all recipients, so that all of them are taken, or none."""
    refused = []
    for recipient in recipients:
        reply = policy.reply(recipient, may_relay=True)  # the MTA has decided for whom it takes mail
        if not reply.accepts:
            reply = _ELSEWHERE if reply == DENIED else reply
            text = reply.text if len(recipients) == 1 else f"{reply.text}: {recipient}"
            refused.append(Reply(reply.code, reply.status, text))
    return joint(refused) if refused else None


def _arrived(works: Works, mail: Gathered, recipients: Sequence[str], reverse_path: str | None) -> Arrived:
    return Arrived(
        raw=mail.raw,
        message=mail.message,
        size=mail.size,
        arrival=works.clock(),
        entrance="pipe",
        recipients=Recipients(tuple(dict.fromkeys(recipients))),
        reverse_path=reverse_path,
        sha256=mail.sha256,
        archive_url=mail.archive_url,
        client_waits=True,
    )


def _tidy(works: Works, state: State) -> None:
    """Tell who runs that there is a door, or something to send, and keep the list of owners short where nobody else does."""
    with reading(works.engine) as conn:
        to_send, entered = (
            anything_leaves(conn),
            len(owners.entered(conn)),
        )
    if to_send or not state.spooled.exists():
        state.note_spooled()
    if entered > _MANY:
        with writing(works.engine) as conn:
            forget_the_dead(conn, works.owner)
