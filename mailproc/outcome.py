"""The closed vocabulary of ends: what became of a message."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mailproc.address import Address
from mailproc.reply import Reply

_KEY = re.compile(r"[A-Za-z0-9._-]{0,64}")


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
class Forward:
    """A mail that goes on as bytes: the outbox sends exactly ``raw``, once to each of ``recipients`` (``local@domain``).

    They go together, in one mail transaction where the relay takes them all, and each has a state of its own: one that was
    served is not served again. ``reverse_path`` is ours to choose, "" for the null path. ``tells_sender`` says that the sender
    of the message in hand is told of the recipients that the relay refuses for good, by a report (RFC 3464) where an answer is
    allowed.
    """

    raw: bytes
    recipients: tuple[str, ...]
    reverse_path: str
    tells_sender: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipients", tuple(dict.fromkeys(self.recipients)))
        if not self.recipients:
            raise ValueError("a mail that goes on needs a recipient")


@dataclass(frozen=True, slots=True)
class Intent:
    """Something to be done elsewhere once this outcome is committed; the handler's ``perform`` gets it as an `Errand`.

    ``payload`` is what JSON can hold. ``key`` tells several intents of one message apart: at most 64 letters, digits, ``.``,
    ``_`` and ``-``; the same key of the same message is the same intent, and is not carried out twice.
    """

    payload: Mapping[str, object]
    key: str = ""

    def __post_init__(self) -> None:
        json.dumps(self.payload)  # in the handler that made it, and not when it is to be committed
        if not _KEY.fullmatch(self.key):
            raise ValueError("the key of an intent is of at most 64 letters, digits, dots, underscores and hyphens")


Sendable: TypeAlias = Mail | Forward | Intent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage or a handler decided about a message.

    ``reason`` is one line for people and for the ledger; for ``rejected`` it is told to the sender. ``rule`` is the
    stable id of the rule that decided, or "". ``failing_commands`` are the commands that failed, for the error mail.
    ``reply`` is what a client that waits for this end is told in place of the usual; one of another class than the disposition
    (2yz handled and dropped, 4yz deferred, 5yz rejected) is not told.

    ``send`` leaves after the commit. ``report`` says that the administrator's report is to tell of it. ``dsn`` says that the
    error mail of a rejected message is a delivery status notification (RFC 3464), with the status of ``reply``.
    """

    disposition: Disposition
    reason: str = ""
    rule: str = ""
    send: tuple[Sendable, ...] = ()
    failing_commands: tuple[str, ...] = field(default=())
    reply: Reply | None = None
    report: bool = False
    dsn: bool = False

    def __post_init__(self) -> None:
        """Refuse, in the handler that made it, what could not be recorded: a forged end would stand for ever."""
        object.__setattr__(self, "disposition", Disposition(self.disposition))
        object.__setattr__(self, "send", tuple(self.send))
        object.__setattr__(self, "failing_commands", tuple(self.failing_commands))
        if not (isinstance(self.reason, str) and isinstance(self.rule, str)):
            raise TypeError("the reason and the rule of an Outcome are texts")

    @property
    def mails(self) -> tuple[Mail, ...]:
        """Of what leaves, the mails that we write."""
        return tuple(each for each in self.send if isinstance(each, Mail))

    @property
    def forwards(self) -> tuple[Forward, ...]:
        """Of what leaves, the mails that go on as they are."""
        return tuple(each for each in self.send if isinstance(each, Forward))

    @property
    def intents(self) -> tuple[Intent, ...]:
        """Of what leaves, the things to be done elsewhere."""
        return tuple(each for each in self.send if isinstance(each, Intent))
