"""Comments and quoted strings of structured header fields (RFC 5322 section 3.2)."""

from __future__ import annotations

import re

BLANKS = " \t\r\n"  # what may stand between words (section 3.2.2); a blank beyond ASCII is a letter to other readers

# An unclosed quoted string reaches to the end, so that no second attempt at it makes the search quadratic.
QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'

_MAX_COMMENTS = 100  # in one value; each part of a mail may come with such a field

_OUTSIDE = re.compile(QUOTED + r"|\(", re.DOTALL)
_INSIDE = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def comment_end(value: str, start: int) -> int | None:
    """The offset behind the comment that opens at ``start``; None when it is never closed."""
    depth = 0
    for found in _INSIDE.finditer(value, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return None


def without_comments(value: str) -> str:
    """The value with a blank for each comment that stands outside of quoted strings (RFC 5322 section 3.2.2).

    What stands behind a hundred comments is left out, as it is behind one that is never closed.
    """
    if "(" not in value:
        return value
    kept, at, search_from = [], 0, 0
    while found := _OUTSIDE.search(value, search_from):
        search_from = found.end()
        if found[0] == "(":
            kept.append(value[at : found.start()])
            closed = comment_end(value, found.start()) if len(kept) <= _MAX_COMMENTS else None
            at = search_from = closed or len(value)
    return " ".join([*kept, value[at:]])


def unquoted(text: str) -> str:
    """What a quoted string stands for; any other text as it is (RFC 5322 section 3.2.4)."""
    if not text.startswith('"'):
        return text
    return _ESCAPE.sub(r"\1", text[1:].removesuffix('"'))
