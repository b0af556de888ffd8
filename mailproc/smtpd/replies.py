"""Replies as they may go out: whatever a hook has answered, lines of printable ASCII that a client can count on."""

from __future__ import annotations

import re

from mailproc.reply import LONGEST, UNFIT

_REPLY = re.compile(r"[2-5][0-9]{2}([ -]|\Z)")
_CHALLENGE = "334 "  # base64 of any length, and the blank belongs to it (RFC 4954 section 4)


def replies_of(status: object, count: int = 1) -> list[list[str]]:
    """The ``count`` replies in what a hook has answered, each as its lines (RFC 5321 section 4.2.1).

    One reply is said for all. Lines are told apart by CRLF, and only where they make that many whole replies; otherwise the
    line ends are somebody's data, and become blanks of one reply. Raises `TypeError` for what is no reply at all, such as
    None, and for a number of replies that is neither one nor ``count``.
    """
    text = status.decode("utf-8", "replace") if isinstance(status, bytes) else status
    if not isinstance(text, str) or not _REPLY.match(text):
        raise TypeError(f"a reply is a text that begins with a code of three digits, not {type(status).__name__}")
    lines = text.split("\r\n")
    replies = _grouped(lines)
    if len(replies) == count:
        return replies
    if len(replies) > 1 < count:
        raise TypeError(f"{len(replies)} replies for {count} recipients")
    alone = text if len(lines) == 1 else f"{text[:3]} {text[4:]}"  # a greeting's lines come one by one, and have a "-"
    return (replies if len(replies) == 1 else [[_fit(alone)]]) * count


def _grouped(lines: list[str]) -> list[list[str]]:
    """The lines as replies of one or more of them; none when they do not make up such ones."""
    replies: list[list[str]] = [[]]
    for line in lines:
        found = _REPLY.match(line)
        if not found or (replies[-1] and replies[-1][0][:3] != line[:3]):
            return []
        replies[-1].append(_fit(line))
        if found[1] != "-":
            replies.append([])
    return replies[:-1] if not replies[-1] else []


def _fit(line: str) -> str:
    plain = UNFIT.sub(" ", line)
    return plain if plain.startswith(_CHALLENGE) else plain[: LONGEST - 2].rstrip()
