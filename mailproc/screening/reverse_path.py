"""The reverse path as it was written down, since a maildrop has lost the envelope."""

from __future__ import annotations

import re

from mailproc.reading import Header, without_comments

_BRACKETED = re.compile(r"<([^<>]*)>")
_DAEMON = "mailer-daemon"
_DOUBLE_BOUNCE = "#@[]"  # what qmail sends the bounce of a bounce from


def written_path(header: Header) -> str | None:
    """The path of the topmost Return-Path, without brackets, blanks and comments (RFC 5321 section 4.4); not checked.

    Where there is none, it is that of the line "From " above the mail, as an mbox has it. "" is the null path (RFC 5322
    section 3.6.7), None an unknown one; an empty field tells nothing.
    """
    value = header.first("Return-Path")
    if value is None:
        return _of_mbox(header.postmark)
    bare = without_comments(value).strip()
    bracketed = _BRACKETED.fullmatch(bare)
    return bracketed[1].strip() if bracketed else bare or None


def is_daemons(path: str | None) -> bool:
    """Whether a reverse path is that of a mail system: a mailer daemon's, with or without a domain, or qmail's own."""
    return path is not None and (path.partition("@")[0].lower() == _DAEMON or path == _DOUBLE_BOUNCE)


def _of_mbox(postmark: str | None) -> str | None:
    """An mbox has no way to write the null path: it says MAILER-DAEMON instead (RFC 4155 knows only addresses)."""
    if postmark is None:
        return None
    return "" if postmark.lower() in (_DAEMON, "<>") else postmark if "@" in postmark else None
