"""The subject of a mail as the topic of a conversation."""

from __future__ import annotations

import re

from mailproc.gateway.text.characters import printable, printable_line

_NO_SUBJECT = "Email with no subject"
_ELLIPSIS = "..."

# A hyphen ends a marker, but not in "re-open". What repeats is possessive, so that it is linear.
_BEHIND = r"(?:\[[0-9]{1,9}\])?[ ]*+(?:(?:[:;)\]]|-(?![^\W_]))[ :;\])-]*+|$)"
_MARKER = re.compile(rf"(?:[\[(][ ]*+)?\b(?:re|aw|sv|fwd?)\b{_BEHIND}", re.IGNORECASE | re.MULTILINE)
_FORWARDED = re.compile(rf"\s*+(?:[\[(][ ]*+)?fwd?\b{_BEHIND}", re.IGNORECASE | re.MULTILINE)


def topic_of(subject: str, limit: int = 60) -> str:
    """The subject as a topic of at most ``limit`` characters; what is longer ends with three dots."""
    topic = full_subject(subject)
    return topic if len(topic) <= limit else topic[: max(limit - len(_ELLIPSIS), 0)] + _ELLIPSIS[: max(limit, 0)]


def full_subject(subject: str) -> str:
    """The subject on one line without "Re:", "Fwd:" and the like, wherever they stand, so that an answer has the same.

    Brackets that were opened with them are closed no more. It is never empty.
    """
    return _balanced(printable_line(_MARKER.sub("", printable(subject)))).strip() or _NO_SUBJECT


def is_forwarded(subject: str) -> bool:
    """Whether the subject begins with "Fw:" or "Fwd:", in a bracket or not, so that what is quoted is what is meant."""
    return _FORWARDED.match(subject) is not None


def _balanced(line: str) -> str:
    """The line without the closing brackets at its end that have no opening one."""
    surplus, end = line.count("]") - line.count("["), len(line)
    while surplus > 0 and end and line[end - 1] in "] ":
        surplus -= line[end - 1] == "]"
        end -= 1
    return line[:end]
