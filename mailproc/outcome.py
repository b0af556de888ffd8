"""The closed vocabulary of ends: what became of a message."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from mailproc.address import Address
from mailproc.reply import Reply


class Disposition(enum.StrEnum):
    """How a message ended.

    handled   the handler did its work
    dropped   screened out, inactive account, unknown sender, replay, or nothing to do; nobody is told
    rejected  the sender's fault; the sender is told where an answer is allowed
    failed    our fault; an OOPS is recorded, and the sender is told its id where an answer is allowed
    deferred  not an end: something that the message needs is away; it stays and is tried again
    """

    HANDLED = "handled"
    DROPPED = "dropped"
    REJECTED = "rejected"
    FAILED = "failed"
    DEFERRED = "deferred"

    @property
    def final(self) -> bool:
        """Whether the message is done with."""
        return self is not Disposition.DEFERRED


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is to be sent, as a value; processing composes it and writes it to the outbox.

    ``answer`` says that it answers the message in hand: then it goes out only where an answer is allowed, with a null
    reverse path and the marks of RFC 3834. ``to`` None means the sender of the message. ``encloses`` the message in hand,
    whole, as a part behind the text; only of a mail to somebody else.
    """

    to: Address | None
    subject: str | None
    text: str
    answer: bool = False
    encloses: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether it answers: mail to "the sender" does, whatever it says of itself, for nobody has proven that address."""
        return self.answer or self.to is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage or a handler decided about a message.

    ``reason`` is one line for people and for the ledger; for ``rejected`` it is told to the sender. ``rule`` is the
    stable id of the rule that decided, or "". ``failing_commands`` are the commands that failed, for the error mail.
    ``reply`` is what a client that waits for this end is told in place of the usual; one of another class than the disposition
    (2yz handled and dropped, 4yz deferred, 5yz rejected) is not told.
    """

    disposition: Disposition
    reason: str = ""
    rule: str = ""
    send: tuple[Mail, ...] = ()
    failing_commands: tuple[str, ...] = field(default=())
    reply: Reply | None = None

    def __post_init__(self) -> None:
        """Refuse, in the handler that made it, what could not be recorded: a forged end would stand for ever."""
        object.__setattr__(self, "disposition", Disposition(self.disposition))
        object.__setattr__(self, "send", tuple(self.send))
        object.__setattr__(self, "failing_commands", tuple(self.failing_commands))
        if not (isinstance(self.reason, str) and isinstance(self.rule, str)):
            raise TypeError("the reason and the rule of an Outcome are texts")
