"""Fenced blocks of code (CommonMark 4.5), written so that all chats see the same block end at the same line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"[ \t]*+(?:(`{3,})([^`]*+)|(~{3,})(.*+))")
_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+#./-]{0,40}")
_NO_LANGUAGES = ("quote", "quoted", "spoiler")  # Zulip shows as somebody's words, or hides, what stands in such a block


def closed(text: str) -> str:
    """The text with every block of code closed, the last one at its end, so that no block swallows what is added.

    Chats differ on a fence that is indented, on one that is longer than that which it closes, and on words behind it: there
    is none of these afterwards.
    """
    return "\n".join(_lines(text.split("\n"))) if "```" in text or "~~~" in text else text


def _lines(lines: list[str]) -> Iterator[str]:
    fence = ""
    for line in lines:
        found = _FENCE.fullmatch(line)
        marks, words = (found[1] or found[3], (found[2] or found[4] or "").strip("~ \t")) if found else ("", "")
        if marks and not fence:
            fence = marks
            yield from _opening(fence, words)
        elif marks and marks.startswith(fence) and not words:
            yield fence
            fence = ""
        else:
            yield line
    if fence:
        yield fence


def _opening(fence: str, words: str) -> Iterator[str]:
    """The line that opens a block; what is no language behind the fence goes into the block."""
    if _LANGUAGE.fullmatch(words):
        yield fence + ("text" if words.lower() in _NO_LANGUAGES else words)
        return
    yield fence
    if words:
        yield words
