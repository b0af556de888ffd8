"""Mail to many: bulk mail and mailing lists."""

from __future__ import annotations

import re

from mailproc.reading import one_line
from mailproc.screening.verdict import Evidence, Rule, Verdict

# Proton, Fastmail, and QQ, which is Foxmail too.
_OF_A_PROVIDER = re.compile(
    r"[0-9]+:user:proton|i[0-9a-f]+:Fastmail|[^:]+:[^:]+:qybglogicsvr[^:]*:qybglogicsvr[^:]*", re.IGNORECASE
)


def precedence(mail: Evidence) -> str | None:
    """A Precedence field, whatever it says (RFC 2076 section 3.9, RFC 3834 section 3.1.8).

    ``auto_reply``, its one value with a meaning of its own, has been asked for before.
    """
    value = mail.header.first("Precedence")
    return None if value is None else f"Precedence is {one_line(value, 60) or 'empty'}"


def unsubscribe(mail: Evidence) -> str | None:
    """List-Unsubscribe of no mailing list (RFC 2369 section 3.2)."""
    found = mail.header.all("List-Unsubscribe") and list_field(mail) is None
    return "it has List-Unsubscribe and is from no list" if found else None


def feedback_id(mail: Evidence) -> str | None:
    """Feedback-ID, with which senders of campaigns count complaints, of no mailing list.

    Some providers of mailboxes put one of their own on what their users write.
    """
    values = [value.strip() for value in mail.header.all("Feedback-ID")]
    found = any(not _OF_A_PROVIDER.fullmatch(value) for value in values) and list_field(mail) is None
    return "it has a Feedback-ID and is from no list" if found else None


def list_field(mail: Evidence) -> str | None:
    """List-Id (RFC 2919 section 3) or List-Post (RFC 2369 section 3.4)."""
    return next((f"it has {name}" for name in ("List-Id", "List-Post") if mail.header.all(name)), None)


BULK = (
    Rule("bulk.precedence", Verdict.BULK, precedence),
    Rule("bulk.list-unsubscribe", Verdict.BULK, unsubscribe),
    Rule("bulk.feedback-id", Verdict.BULK, feedback_id),
)
LIST = (Rule("list.field", Verdict.LIST, list_field),)
