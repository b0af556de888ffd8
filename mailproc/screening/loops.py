"""Our own mail, come back."""

from __future__ import annotations

import re

from mailproc.screening.verdict import Evidence, Rule, Verdict

MAX_RECEIVED = 50

_OURS = re.compile(r"<mailproc\.[^<>@\s]+@([^<>@\s]+)>")


def loop_mark(mail: Evidence) -> str | None:
    """The mark that everything we send carries (no standard defines X-Loop; RFC 3834 section 2 asks to break loops)."""
    ours = f"mailproc/{mail.our_domain}".lower()
    marks = (value.strip().lower() for value in mail.header.all("X-Loop"))
    return "it carries our loop mark" if mail.our_domain and ours in marks else None


def own_message_id(mail: Evidence) -> str | None:
    """A Message-ID that only we give out (RFC 5322 section 3.6.4)."""
    for value in mail.header.all("Message-ID"):
        found = _OURS.search(value)
        if found and mail.our_domain and found[1].lower() == mail.our_domain.lower():
            return "its Message-ID is one of ours"
    return None


def too_many_hops(mail: Evidence) -> str | None:
    """More relays than a mail that arrives has passed (RFC 5321 section 6.3)."""
    hops = len(mail.header.all("Received"))
    return f"it has {hops} Received fields" if hops > MAX_RECEIVED else None


RULES = (
    Rule("loop.mark", Verdict.LOOP, loop_mark),
    Rule("loop.message-id", Verdict.LOOP, own_message_id),
    Rule("loop.received", Verdict.LOOP, too_many_hops),
)
