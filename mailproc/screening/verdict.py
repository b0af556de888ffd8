"""The words of screening: what a mail can turn out to be, what is looked at, and what a rule is."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from mailproc.reading import Header, Message, top_type
from mailproc.screening.reverse_path import written_path


class Verdict(enum.StrEnum):
    """What a mail is.

    human           no rule has seen anything automatic
    bounce          a delivery status notification (RFC 3464), mail of a mailer daemon, and mail with a null reverse path
                    that is known for nothing else
    report          a receipt, an abuse complaint, a TLS or DMARC report
    auto-reply      a responder's answer (RFC 3834)
    auto-generated  written by a program (RFC 3834)
    list            from a mailing list (RFC 2919)
    bulk            sent to many
    loop            ours, come back, or travelling in circles
    too-big         over the size limit, and nothing automatic was seen
    unparseable     its structure cannot be read within our limits
    """

    HUMAN = "human"
    BOUNCE = "bounce"
    REPORT = "report"
    AUTO_REPLY = "auto-reply"
    AUTO_GENERATED = "auto-generated"
    LIST = "list"
    BULK = "bulk"
    LOOP = "loop"
    TOO_BIG = "too-big"
    UNPARSEABLE = "unparseable"


@dataclass(frozen=True, slots=True)
class Screened:
    """A verdict, the stable id of the rule that decided, and why, on one line for a person."""

    verdict: Verdict
    rule: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """Everything that rules look at.

    ``reverse_path`` is None when unknown and ``""`` for the null path; ``size`` and ``max_size`` are octets;
    ``our_domain`` is the domain of our loop mark and of our Message-IDs.
    """

    message: Message
    reverse_path: str | None
    size: int
    max_size: int
    our_domain: str

    @property
    def header(self) -> Header:
        """The header of the mail."""
        return self.message.header

    @cached_property
    def path(self) -> str | None:
        """The reverse path of the envelope, else the one that was written down; "" is the null path, None unknown."""
        return written_path(self.header) if self.reverse_path is None else self.reverse_path

    @property
    def senders(self) -> tuple[str, ...]:
        """The values of From; without any, those of Sender."""
        return self.header.all("From") or self.header.all("Sender")

    @cached_property
    def content_type(self) -> tuple[str, dict[str, str]]:
        """The media type of the whole mail and its parameters."""
        return top_type(self.message.header)

    @cached_property
    def report_type(self) -> str | None:
        """The kind of a multipart/report, lower-case, "" when it names none; None for other mail (RFC 6522 section 3)."""
        media_type, parameters = self.content_type
        return parameters.get("report-type", "").strip().lower() if media_type == "multipart/report" else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One question with a stable id: ``opinion`` answers why a mail is what ``verdict`` says, or None."""

    id: str
    verdict: Verdict
    opinion: Callable[[Evidence], str | None]
