"""What a client that waits at a door is told of an end (RFC 5321 section 4.2, RFC 3463)."""

from __future__ import annotations

from collections.abc import Sequence

from mailproc.outcome import Disposition, Outcome
from mailproc.reply import Reply

_CLASSES = {
    Disposition.HANDLED: 2,
    Disposition.DROPPED: 2,
    Disposition.REJECTED: 5,
    Disposition.DEFERRED: 4,
}

IN_HAND = Reply(451, "4.3.0", "This mail is being worked on already; try again later")
STOPPING = Reply(451, "4.3.2", "Shutting down; try again later")
DIED = Reply(451, "4.3.0", "This mail could not be worked; try again later")
STOPPED = Reply(451, "4.3.2", "Stopped by the administrator; try again later")
AWAY = Reply(451, "4.3.0", "Something that is needed here is away; try again later")


def reply_of(outcome: Outcome, *, id: str, oops_id: str | None = None, final: bool = True) -> Reply:
    """What the client is told of this end of the message ``id``; a failure that is not ``final`` may be tried again.

    Of our own faults it hears the OOPS id and nothing else.
    """
    end = outcome.disposition
    if outcome.reply is not None and outcome.reply.code // 100 == _CLASSES.get(end):
        return outcome.reply
    if end is Disposition.FAILED:
        return Reply(554, "5.3.0", f"Our fault ({oops_id})") if final else our_fault(oops_id)
    if end is Disposition.DEFERRED:
        told = f"Waiting for {outcome.reason}" if outcome.rule == "handler" else "Not possible at this time"
        return Reply(451, "4.3.0", f"{told}; try again later")
    return _refusal(outcome) if end is Disposition.REJECTED else Reply(250, "2.0.0", f"OK: {id}")


def our_fault(oops_id: str | None) -> Reply:
    """What is told of a bug after which the client is to come again."""
    return Reply(451, "4.3.0", f"Our fault ({oops_id}); try again later")


def _refusal(outcome: Outcome) -> Reply:
    if outcome.rule == "too-big.size":
        return Reply(552, "5.3.4", outcome.reason)
    if outcome.rule == "handler":
        return Reply(554, "5.6.0", outcome.reason)
    return Reply(550, "5.7.1", outcome.reason)  # of the signature, or of the trust in the sender


def joint(replies: Sequence[Reply]) -> Reply:
    """The one reply for a message with several recipients (RFC 5321 section 4.2.5 knows no more).

    It is accepted when it was for any of them; else the client comes again while there is hope for any.
    """
    accepted = [reply for reply in replies if reply.accepts]
    passing = [reply for reply in replies if reply.passing]
    return (accepted or passing or list(replies))[0]


def read_reply(line: str) -> Reply:
    """The reply on a line that `Reply.line` or another server wrote; raises ValueError where it does not begin with a code."""
    code, _, rest = line.partition(" ")
    status, _, text = rest.partition(" ")
    return Reply(int(code), status, text) if status[:1].isdigit() and status.count(".") == 2 else Reply(int(code), "", rest)
