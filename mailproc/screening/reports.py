"""Reports of machines about mail that did arrive, and notices of mail services in forms of their own.

They are told from bounces, although a receipt must have the null path as well (RFC 8098 section 3).
"""

from __future__ import annotations

import json
import re

from mailproc.reading import one_line
from mailproc.screening.senders import from_mail_system, from_robot
from mailproc.screening.verdict import Evidence, Rule, Verdict

_RECEIPT_TYPES = {"message/disposition-notification", "message/global-disposition-notification"}
_AGGREGATE_SUBJECT = re.compile(r"\s*(?:\[preview\]\s*|dmarc (?:aggregate )?)?report domain:.*\bsubmitter:", re.IGNORECASE)
_AGGREGATE_NAME = re.compile(r"[^!]+![^!]+![0-9]+![0-9]+(?:![^!]+)?\.(?:xml|xml\.gz|xml\.zip|gz|zip)", re.IGNORECASE)
_ARCHIVES = {"application/zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip"}
_COMPLAINT_SUBJECT = re.compile(r"\s*complaint about message from [0-9a-f.:]{2,45}\s*", re.IGNORECASE)
_TLS_TYPES = {"application/tlsrpt+gzip", "application/tlsrpt+json"}

_MAX_NOTICE = 256 * 1024  # characters, which is the most that Amazon SNS sends
_FOOTER = "--"
# The members that each notice has, in Amazon SNS's envelope and in what Amazon SES publishes through it.
_NOTICES = ({"Type", "MessageId", "TopicArn"}, {"notificationType", "mail"}, {"eventType", "mail"})


def disposition_notification(mail: Evidence) -> str | None:
    """A message disposition notification, the read receipt (RFC 8098 section 3)."""
    typed = mail.content_type[0] in _RECEIPT_TYPES or mail.report_type == "disposition-notification"
    return "it is a read receipt" if typed else None


def feedback_report(mail: Evidence) -> str | None:
    """A complaint about abuse: ARF (RFC 5965 section 2), or as Microsoft's Junk Mail Reporting Program mails it, untyped."""
    if _COMPLAINT_SUBJECT.fullmatch(mail.message.subject[:998]) and "message/rfc822" in mail.message.part_types:
        return "it is a complaint of a mail service"
    typed = mail.content_type[0] == "message/feedback-report" or mail.report_type == "feedback-report"
    return "it is a feedback report" if typed else None


def tls_report(mail: Evidence) -> str | None:
    """A report on TLS between servers: by type, by its two fields, or by its file and subject (RFC 8460 section 5.3)."""
    named = mail.header.all("TLS-Report-Domain") and mail.header.all("TLS-Report-Submitter")
    typed = mail.report_type == "tlsrpt" or (_of_domain(mail) and _TLS_TYPES.intersection(mail.message.part_types))
    return "it is a TLS report" if named or typed else None


def aggregate_report(mail: Evidence) -> str | None:
    """A DMARC aggregate report: a file of a packed type or a fixed name, and a fixed subject (RFC 7489 section 7.2.1.1)."""
    if not _of_domain(mail):
        return None
    packed = _ARCHIVES.intersection(mail.message.part_types)
    named = packed or any(_AGGREGATE_NAME.fullmatch(file.name) for file in mail.message.attachments)
    return "it is a DMARC report" if named else None


def notice(mail: Evidence) -> str | None:
    """A notice in JSON, and nothing but that, as Amazon SNS mails it for SES; no standard has its form.

    It must be from where nobody reads answers: a person may paste one.
    """
    if not (from_robot(mail) or from_mail_system(mail)):
        return None
    members = _json_members(mail)
    return "it is a notice in JSON" if any(known <= members for known in _NOTICES) else None


def other_report(mail: Evidence) -> str | None:
    """A multipart/report of any other type (RFC 6522)."""
    return f"it is a multipart/report of type {one_line(mail.report_type, 60)}" if mail.report_type else None


def _of_domain(mail: Evidence) -> bool:
    """Whether it has the subject that reports about a domain have; a person who forwards one has ``Fwd:`` before it."""
    return _AGGREGATE_SUBJECT.match(mail.message.subject[:998]) is not None


def _json_members(mail: Evidence) -> set[str]:
    """The names of the members of the JSON object that the text is, but for a footer below it.

    Amazon SNS breaks lines of 998 characters, also within strings, where JSON knows no end of a line.
    """
    text = "".join(mail.message.text.strip().splitlines())
    if not text.startswith("{") or len(text) > _MAX_NOTICE:
        return set()
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return set()
    below = text[end:].strip()
    return set(found) if not below or below.startswith(_FOOTER) else set()


RULES = (
    Rule("report.mdn", Verdict.REPORT, disposition_notification),
    Rule("report.feedback", Verdict.REPORT, feedback_report),
    Rule("report.tls", Verdict.REPORT, tls_report),
    Rule("report.dmarc", Verdict.REPORT, aggregate_report),
    Rule("report.notice", Verdict.REPORT, notice),
    Rule("report.other", Verdict.REPORT, other_report),
)
