"""Delivery status notifications: a mail of ours, or one in our name, did not arrive.

Only the envelope and the topmost header count. A person who forwards, quotes or pastes a bounce is a person.
"""

from __future__ import annotations

from mailproc.reading import read_addresses, without_comments
from mailproc.screening.verdict import Evidence, Rule, Verdict

_DAEMON = "mailer-daemon"


def null_reverse_path(mail: Evidence) -> str | None:
    """The null path, which notifications must use and nothing may answer (RFC 5321 sections 4.5.5 and 6.1).

    Where the envelope is unknown, the topmost Return-Path field tells, if it says exactly ``<>`` (section 4.4).
    """
    if mail.reverse_path is not None:
        return None if mail.reverse_path else "the reverse path is null"
    return "Return-Path is <>" if mail.header.first("Return-Path") == "<>" else None


def delivery_status(mail: Evidence) -> str | None:
    """A delivery status notification (RFC 3464 section 2), also one without its multipart/report."""
    bare = mail.content_type[0] in ("message/delivery-status", "message/global-delivery-status")
    return "it is a delivery status notification" if bare or mail.report_type == "delivery-status" else None


def untyped_report(mail: Evidence) -> str | None:
    """A multipart/report that does not say of what, which it must (RFC 6522 section 3)."""
    return "it is a multipart/report without a report-type" if mail.report_type == "" else None


def failed_recipients(mail: Evidence) -> str | None:
    """X-Failed-Recipients, as Exim and Gmail write it, from a mailer daemon or from nobody (RFC 5321 section 4.5.5)."""
    if not mail.header.all("X-Failed-Recipients"):
        return None
    senders = [value for name in ("From", "Sender") for value in mail.header.all(name)]
    return "X-Failed-Recipients from a mailer daemon" if _from_daemon(senders) else None


def _from_daemon(senders: list[str]) -> bool:
    named = [without_comments(value).strip().strip("<>").strip() for value in senders]
    addresses = [address.local.lower() for address in read_addresses(senders)]
    return not any(named) or _DAEMON in addresses or _DAEMON in map(str.lower, named)


RULES = (
    Rule("bounce.null-reverse-path", Verdict.BOUNCE, null_reverse_path),
    Rule("bounce.delivery-status", Verdict.BOUNCE, delivery_status),
    Rule("bounce.untyped-report", Verdict.BOUNCE, untyped_report),
    Rule("bounce.failed-recipients", Verdict.BOUNCE, failed_recipients),
)
