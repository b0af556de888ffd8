"""Whether what an outcome sends can be sent: to be asked while the handler's writes can still be undone."""

from __future__ import annotations

import re

from mailproc.address import Address
from mailproc.answers.permission import wire_address
from mailproc.outcome import Disposition, Forward, Outcome
from mailproc.reading.display import one_line

_LONGEST_PATH = 998  # octets of an address: more than SMTP carries, and less than an index of a database holds
_NOT_STORED = re.compile("[\0\ud800-\udfff]")


class Unsendable(ValueError):
    """What a handler wants to send cannot be sent: a bad address, or a second answer."""


def check_sendable(outcome: Outcome, author: Address | None) -> None:
    """Raise `Unsendable` when what ``outcome`` holds could not be composed or kept.

    A message has at most one answer; an error mail is one.
    """
    answers = [mail for mail in outcome.mails if mail.is_answer]
    told = outcome.disposition in (Disposition.REJECTED, Disposition.FAILED)
    if len(answers) + told > 1:
        raise Unsendable("a message has at most one answer, and an error mail is one")
    for mail in answers:
        if mail.to is not None and (author is None or mail.to.folded != author.folded):
            raise Unsendable("an answer goes to the sender of the message and to nobody else")
    for mail in outcome.mails:
        if mail.to is not None and not mail.is_answer and wire_address(mail.to) is None:
            raise Unsendable(f"no mail can be sent to {one_line(str(mail.to), 100)!r}")
    if len(outcome.mails) + len(outcome.forwards) + len(outcome.intents) < len(outcome.send):
        raise Unsendable("what an outcome sends is a Mail, a Forward or an Intent")
    if len({intent.key for intent in outcome.intents}) < len(outcome.intents):
        raise Unsendable("two intents of one message need keys that tell them apart")
    for forward in outcome.forwards:
        _check_forward(forward)


def _check_forward(forward: Forward) -> None:
    """Whether it can be kept; what SMTP cannot carry is refused when it is sent, for that recipient alone."""
    if not isinstance(forward.raw, bytes):
        raise Unsendable("a mail goes on as bytes")
    for path in (forward.reverse_path, *forward.recipients):
        if not isinstance(path, str) or _NOT_STORED.search(path) or len(path.encode()) > _LONGEST_PATH:
            raise Unsendable(f"no mail can go on to or from {one_line(str(path), 100)!r}")
