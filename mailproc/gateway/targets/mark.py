"""The mark of a message: what stands at its end, is not seen, and tells it from every other one.

Zulip knows no key of a client's by which a message could be asked for, and two mails may say the same.
"""

from __future__ import annotations

import hashlib

_DIGITS = "\u200b\u200c\u200d"  # without ink and width, and no white space that would be stripped
_LENGTH = 24

MARK_LENGTH = _LENGTH + 1  # with the blank or line end before it


def mark_of(id: str) -> str:
    """The mark of the errand with this id: one of 3^24."""
    number = int.from_bytes(hashlib.sha256(id.encode()).digest())
    return "".join(_DIGITS[number // 3**place % 3] for place in range(_LENGTH))


def marked(content: str, mark: str) -> str:
    """The content with its mark, behind a blank, at which a link ends; below a block of code it has a line of its own."""
    last = content.rpartition("\n")[2].lstrip()
    return content + ("\n" if last.startswith(("```", "~~~")) else " ") + mark
