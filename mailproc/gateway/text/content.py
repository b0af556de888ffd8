"""What is posted: who wrote it and about what, the text, and the links to its files, within the length that a chat allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mailproc.gateway.text.characters import printable
from mailproc.gateway.text.mentions import defused, defused_line
from mailproc.reading import decode_words

MARKER = "[message truncated]"

LONGEST_SENDER = 300  # characters
LONGEST_SUBJECT = 998  # of a line of a mail (RFC 5322 section 2.1.1)
_LONGEST_NAME = 200
_LONGEST_ADDRESS = 4000
_UNKNOWN = "(unknown)"
_ELLIPSIS = "..."
_SPARE = 8  # times what is shown: so much is looked at, since some characters are left out
_BRACKETS = str.maketrans("[]\\", "()/")
_ADDRESS = re.compile(r"https?://|/(?!/)", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[^!#-&*-;=?-Z_a-z~\]\[]+")


def content_of(
    body: str, *, sender: str | None, subject: str | None, links: Sequence[tuple[str, str]], limit: int = 10_000
) -> str:
    """The content of a post, harmless, in at most ``limit`` characters (code points).

    ``sender`` is the value of From, encoded words and all; ``links`` are names of files and where they are to be had. The
    body is cut where the whole is too long. Of links that do not fit even so the first ones are shown, and how many are not.
    """
    head = _head(sender, subject, limit)
    room = limit - len(head)
    tail = _tail(links, room - len(MARKER) - 1)
    text = printable(body[: _SPARE * limit]).rstrip().lstrip("\n")
    is_long = len(text) > limit or len(body) > _SPARE * limit
    whole = "" if is_long else _joined(defused(text).rstrip(), "\n\n", tail)
    if is_long or len(whole) > room:
        cut = _cut(text[:limit], room - len(MARKER) - 1 - len(tail) - bool(tail))
        whole = _joined(_joined(cut, "\n", MARKER), "\n", tail)
    return (head + whole)[:limit].rstrip()


def _head(sender: str | None, subject: str | None, limit: int) -> str:
    lines = []
    if sender is not None:
        lines.append(f"**From:** {_line(decode_words(sender[:limit]), min(LONGEST_SENDER, limit // 8)) or _UNKNOWN}\n")
    if subject is not None:
        lines.append(f"**Subject:** {_line(subject, min(LONGEST_SUBJECT, limit // 4))}\n")
    return "".join([*lines, "\n"]) if lines else ""


def _line(text: str, limit: int) -> str:
    """The text made harmless, on a line; so much of it as ``limit`` characters show."""
    shown = " ".join(printable(text[: _SPARE * limit]).split())
    return defused_line(shown if len(shown) <= limit else shown[:limit] + _ELLIPSIS)


def _tail(links: Sequence[tuple[str, str]], room: int) -> str:
    """The links, one a line; those that do not fit are counted in the last line."""
    shown: list[str] = []
    ends = [0]
    for link in _written(links):
        shown.append(link)
        ends.append(ends[-1] + len(link) + 1)
        if ends[-1] > room + 1:
            break
    else:
        return "\n".join(shown)
    while shown:
        shown.pop()
        left = len(links) - len(shown)
        more = f"(and {left} more file{'s' if left > 1 else ''})"
        if ends[len(shown)] + len(more) <= room:
            return "\n".join([*shown, more])
    return ""


def _written(links: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, address in links:
        label = _line(name[: _SPARE * _LONGEST_NAME].translate(_BRACKETS), _LONGEST_NAME) or "unnamed"
        is_usable = len(address) <= _LONGEST_ADDRESS and _ADDRESS.match(address)
        yield f"[{label}]({_NOT_IN_ADDRESS.sub(_escaped, address)})" if is_usable else label


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in found[0].encode("utf-8", "replace"))


def _cut(text: str, room: int) -> str:
    """The beginning of the text, made harmless and at most ``room`` characters long."""
    kept = text[: max(room, 0)]
    while len(shown := defused(kept).rstrip()) > room and kept:
        kept = kept[: min(len(kept) * max(room, 0) // len(shown), len(kept) - 1)]
    return shown if len(shown) <= room else ""


def _joined(above: str, between: str, below: str) -> str:
    return above + between + below if above and below else above or below
