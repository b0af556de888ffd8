"""Text of a mail, made fit to be shown to a person."""

from __future__ import annotations

import re

# Printable for Python, but without any ink: joiners, fillers and variation selectors.
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_ELLIPSIS = "..."


def one_line(text: str, limit: int = 200) -> str:
    """The text as one line that is safe for a terminal, a log or a header, at most ``limit`` characters long.

    White space and control characters become single blanks; bidirectional, zero-width and other invisible characters,
    with which a line can be made to look like another one (Unicode TR 36), are left out.
    """
    shown = " ".join("".join(map(_shown, _HIDDEN.sub("", text[: 8 * limit + 8]))).split())
    if len(shown) <= limit and len(text) <= 8 * limit + 8:
        return shown
    return shown[: max(limit - len(_ELLIPSIS), 0)].rstrip() + _ELLIPSIS[:limit]


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() or character < " " or "\x7f" <= character < "\xa0" else ""
