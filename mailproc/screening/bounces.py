"""Delivery status notifications: a mail of ours, or one in our name, did not arrive.

Only the envelope, the topmost header, and the parts outside of forwarded mail count, and of what people can have in their
mail only that which comes from a mail system. A person who forwards, quotes or pastes a bounce is a person.
"""

from __future__ import annotations

import re

from mailproc.screening import automatic, reports
from mailproc.screening.reverse_path import is_daemons
from mailproc.screening.senders import from_daemon, from_mail_system
from mailproc.screening.verdict import Evidence, Rule, Verdict

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}

_LONGEST_OPENING = 2000  # characters; some name the mail that failed before they say so

# How the text of a mail system begins where there is no multipart/report, behind a rule or blanks. Each is longer than what
# a postmaster, who may be a person, would begin with.
_OPENINGS = re.compile(
    r"[\s*=_-]*+(?:"
    + r"|".join(
        (
            r"hi\. this is the \S{1,40} program\b",  # qmail and its heirs, in the QSBMF
            r"this message was created automatically by mail delivery software\b",  # Exim
            r"this is the (?:mail system|postfix program) at host\b",  # Postfix
            r"the original message was received at (?:mon|tue|wed|thu|fri|sat|sun), [0-9]",  # sendmail
            r"the following addresses had (?:permanent|transient) ",  # sendmail before 8.7
            r"your message did not reach some or all of the intended recipients\b",  # Exchange
            r"your message\s++(?:to|subject):.{0,1000}?\b(?:did not reach|was not delivered)\b",  # Exchange 5.5; Domino
            r"delivery has failed to these recipients or (?:groups|distribution lists)\b",  # Exchange since 2007
            r"this is an automatically generated delivery status notification\b",  # IIS
            r"delivery to the following recipients? (?:has been delayed|failed)\b",  # Gmail, before it wrote reports
            r"this is a delivery status notification from\b",  # Courier
            r"message from \S{1,100}\.\s++unable to deliver message to\b",  # Yahoo
            r"sorry, we were unable to deliver your message to the following address",  # Yahoo
            r"the attached message had (?:permanent|transient) (?:non-)?fatal delivery errors\b",  # MDaemon
            r"(?:mailenable: )?message could not be delivered to some recipients\b",  # MailEnable
            r"the following recipient\(s\) could not be reached\b",  # Exchange; MailEnable
            r"the message that you sent was undeliverable to the following\b",  # GroupWise
            r"failure reasons\s*+---",  # Lotus Notes
            r"this report relates to a message you sent with the following header fields\b",  # Sun's Messaging Server
            r"your message:[ \t]*+\n.{0,1000}?\bcould not be delivered because of\b",  # MailMarshal
            r"message from interscan\b",  # InterScan
            r"(?:unknown (?:user|host)|user mailbox exceeds allowed size|invalid final delivery userid|undeliverable to|"
            r"delivery failed [0-9]{1,9} attempts):? \S{1,254}@.{0,1900}?\boriginal message follows\.",  # IMail
        )
    )
    + r")",
    re.IGNORECASE | re.DOTALL,
)


def null_reverse_path(mail: Evidence) -> str | None:
    """The null path, which notifications must use and nothing may answer (RFC 5321 sections 4.5.5 and 6.1).

    Receipts and answers of responders must or should use it as well (RFC 8098 section 3, RFC 3834 section 3.3), so that it
    decides only about mail that is known for nothing else.
    """
    if mail.path != "" or _is_report(mail) or _is_answer(mail):
        return None
    return "the reverse path is null"


def daemon_reverse_path(mail: Evidence) -> str | None:
    """The address of a mailer daemon instead of the null path, as IIS and others write it; qmail's for double bounces.

    It says no more than the null path does (RFC 5321 section 4.5.5).
    """
    if not is_daemons(mail.path) or _is_report(mail) or _is_answer(mail):
        return None
    return "the reverse path is a mailer daemon's"


def delivery_status(mail: Evidence) -> str | None:
    """A delivery status notification (RFC 3464 section 2, RFC 6533 section 4), also one without its multipart/report."""
    typed = mail.content_type[0] in _STATUS_TYPES or mail.report_type == "delivery-status"
    return "it is a delivery status notification" if typed else None


def untyped_report(mail: Evidence) -> str | None:
    """A multipart/report that does not say of what, which it must (RFC 6522 section 3)."""
    return "it is a multipart/report without a report-type" if mail.report_type == "" else None


def failed_recipients(mail: Evidence) -> str | None:
    """X-Failed-Recipients, as Exim and Gmail write it, from a mail system or from nobody (RFC 5321 section 4.5.5)."""
    found = mail.header.all("X-Failed-Recipients") and from_mail_system(mail)
    return "X-Failed-Recipients from a mail system" if found else None


def nondelivery_field(mail: Evidence) -> str | None:
    """The field by which Exchange Online knows its own non-delivery reports, whatever language they speak."""
    return "X-MS-Exchange-Message-Is-Ndr is there" if mail.header.all("X-MS-Exchange-Message-Is-Ndr") else None


def daemon_sender(mail: Evidence) -> str | None:
    """A mailer daemon in From; no standard has the name, but it is no person's (RFC 3464 section 2 asks for a postmaster)."""
    return "it is from a mailer daemon" if from_daemon(mail) and not _is_report(mail) else None


def delivery_status_part(mail: Evidence) -> str | None:
    """A delivery status among the parts (RFC 3464 section 2.1), from a mail system.

    The same part is in the mail of a person who forwards a bounce not as a file but inline.
    """
    found = _STATUS_TYPES.intersection(mail.message.part_types) and from_mail_system(mail)
    return "it holds a delivery status from a mail system" if found else None


def opening(mail: Evidence) -> str | None:
    """A text that begins as those of mail systems do, from one (the QSBMF of qmail; no standard for the others)."""
    found = from_mail_system(mail) and _OPENINGS.match(mail.message.text[:_LONGEST_OPENING])
    return "it begins like the notice of a mail system" if found else None


def _is_report(mail: Evidence) -> bool:
    """Whether it is a report of another kind: those are asked for later, but know their kind better than a path does."""
    return delivery_status(mail) is None and any(rule.opinion(mail) for rule in reports.RULES)


def _is_answer(mail: Evidence) -> bool:
    """Whether a responder wrote it, and not a mail system: those call their notices auto-replied, too (Postfix, Exim)."""
    if from_daemon(mail) or any(rule.opinion(mail) for rule in _STRUCTURE):
        return False
    return any(rule.opinion(mail) for rule in automatic.REPLIES)


_STRUCTURE = (
    Rule("bounce.delivery-status", Verdict.BOUNCE, delivery_status),
    Rule("bounce.untyped-report", Verdict.BOUNCE, untyped_report),
    Rule("bounce.failed-recipients", Verdict.BOUNCE, failed_recipients),
    Rule("bounce.field", Verdict.BOUNCE, nondelivery_field),
    Rule("bounce.delivery-status-part", Verdict.BOUNCE, delivery_status_part),
    Rule("bounce.opening", Verdict.BOUNCE, opening),
)
RULES = (
    Rule("bounce.null-reverse-path", Verdict.BOUNCE, null_reverse_path),
    Rule("bounce.daemon-reverse-path", Verdict.BOUNCE, daemon_reverse_path),
    *_STRUCTURE,
    Rule("bounce.daemon-sender", Verdict.BOUNCE, daemon_sender),
)
