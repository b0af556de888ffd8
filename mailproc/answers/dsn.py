"""Delivery status notifications (RFC 3464): who did not get a mail, in words for people and in fields for machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.answers import fields
from mailproc.answers.entities import header_part, multipart, text_part
from mailproc.answers.original import Original
from mailproc.answers.plaintext import clean, wrap
from mailproc.reading.display import one_line

LONGEST_REASON = 2_000  # characters that are told of one recipient
_LONGEST_PATH = 500  # characters; twice what SMTP carries
_LONGEST_ESCAPED = 100  # characters of one that is escaped, and of which each may take 9 on a line of at most 998
_LONGEST_DIAGNOSTIC = 500  # characters, which may be one word
_REPLY = re.compile(r"[45][0-9]{2}(?=[ -]|$)(?:[ -]([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?")
_STATUS = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient who did not get the mail.

    ``reason`` is the reply of a mail server, with its code, or words of ours. ``status`` is the enhanced status code (RFC
    3463); without one it is that of the reply, or 5.0.0.
    """

    recipient: str
    reason: str
    status: str = ""

    def row(self) -> str:
        """Recipient and reason on one indented line, for a text that people read."""
        return f"    {one_line(self.recipient, _LONGEST_PATH)}: {one_line(self.reason, LONGEST_REASON)}"

    def fields(self) -> bytes:
        """The fields of the recipient (RFC 3464 section 2.3)."""
        return b"".join(
            [
                fields.exact("Final-Recipient", _typed(self.recipient)),
                fields.exact("Action", "failed"),
                fields.exact("Status", self._status()),
                fields.exact("Diagnostic-Code", self._diagnostic()),
            ]
        )

    def _status(self) -> str:
        """One of RFC 3463 whatever was given: a mail server writes what it likes."""
        if _STATUS.fullmatch(self.status):
            return self.status
        reply = _REPLY.match(self.reason)
        return (reply and reply[1]) or "5.0.0"

    def _diagnostic(self) -> str:
        words = one_line(self.reason, _LONGEST_DIAGNOSTIC).encode("ascii", "replace").decode()
        return f"{'smtp' if _REPLY.match(words) else 'x-mailproc'}; {words}"


def listed(undelivered: Sequence[Undelivered]) -> str:
    """Who did not get it, and why, each on a line of its own."""
    return "\n".join(each.row() for each in undelivered)


def report(text: str, undelivered: Sequence[Undelivered], original: Original, domain: str) -> bytes:
    """The entity multipart/report (RFC 6522): ``text``, the fields, and of the original its header alone.

    ``domain`` is the one that reports.
    """
    status = [fields.exact("Reporting-MTA", f"dns; {domain}"), *(each.fields() for each in undelivered)]
    part = fields.exact("Content-Type", "message/delivery-status") + b"\r\n" + b"\r\n".join(status)
    return multipart([text_part(wrap(clean(text))), part, header_part(original)], "report; report-type=delivery-status")


def _typed(recipient: str) -> str:
    """The address with its type; one that is not ASCII, or holds what is not shown, is written as RFC 6533 section 3 has it."""
    if re.fullmatch(r"[!-~]+", path := recipient[:_LONGEST_PATH]):
        return f"rfc822; {path}"
    return "utf-8; " + "".join(map(_escaped, recipient[:_LONGEST_ESCAPED]))


def _escaped(letter: str) -> str:
    return letter if "!" <= letter <= "~" and letter != "\\" else f"\\x{{{ord(letter):02X}}}"
