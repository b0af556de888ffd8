"""Reports of machines about mail that did arrive."""

from __future__ import annotations

import re

from mailproc.reading import one_line
from mailproc.screening.verdict import Evidence, Rule, Verdict

_AGGREGATE_SUBJECT = re.compile(r"\s*(?:\[preview\]\s*)?report domain:.*\bsubmitter:", re.IGNORECASE)
_ARCHIVES = {"application/zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip"}


def disposition_notification(mail: Evidence) -> str | None:
    """A message disposition notification, the read receipt (RFC 8098 section 3)."""
    return "it is a read receipt" if mail.report_type == "disposition-notification" else None


def feedback_report(mail: Evidence) -> str | None:
    """A complaint about abuse, ARF (RFC 5965 section 2)."""
    return "it is a feedback report" if mail.report_type == "feedback-report" else None


def tls_report(mail: Evidence) -> str | None:
    """A report on TLS between servers (RFC 8460 section 5.3)."""
    named = mail.header.all("TLS-Report-Domain") and mail.header.all("TLS-Report-Submitter")
    return "it is a TLS report" if named or mail.report_type == "tlsrpt" else None


def aggregate_report(mail: Evidence) -> str | None:
    """A DMARC aggregate report: a packed file under a subject of fixed form (RFC 7489 section 7.2.1.1)."""
    if not _AGGREGATE_SUBJECT.match(mail.message.subject[:998]):
        return None
    return "it is a DMARC report" if _ARCHIVES.intersection(mail.message.part_types) else None


def other_report(mail: Evidence) -> str | None:
    """A multipart/report of any other type (RFC 6522)."""
    return f"it is a multipart/report of type {one_line(mail.report_type, 60)}" if mail.report_type else None


RULES = (
    Rule("report.mdn", Verdict.REPORT, disposition_notification),
    Rule("report.feedback", Verdict.REPORT, feedback_report),
    Rule("report.tls", Verdict.REPORT, tls_report),
    Rule("report.dmarc", Verdict.REPORT, aggregate_report),
    Rule("report.other", Verdict.REPORT, other_report),
)
