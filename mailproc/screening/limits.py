"""What is beyond our limits."""

from __future__ import annotations

from mailproc.screening.verdict import Evidence, Rule, Verdict


def unreadable_structure(mail: Evidence) -> str | None:
    """Parts that are nested too deep or are too many (RFC 2046 sets no limit; parsers have one all the same)."""
    return mail.message.unparseable


def over_the_size(mail: Evidence) -> str | None:
    """More octets than we take (RFC 1870). Asked late, so that no machine is told about its size."""
    return f"{mail.size} octets, and the limit is {mail.max_size}" if mail.size > mail.max_size else None


UNPARSEABLE = (Rule("unparseable.structure", Verdict.UNPARSEABLE, unreadable_structure),)
TOO_BIG = (Rule("too-big.size", Verdict.TOO_BIG, over_the_size),)
