"""The text of HTML: what a person would read, within bounds and without anything that a terminal obeys.

lxml parses the HTML and drops what is hidden, nh3 leaves of it only harmless elements and links as a browser reads them,
and markdownify lays them out as Markdown. Each of these takes the square of some size or nests its calls, so what is too
large or too deep for them is refused by counting, and only loses its tags in one pass of linear expressions.
"""

from __future__ import annotations

import re
from html import unescape

from mailproc.reading.visibility import NEVER_SHOWN

MAX_HTML = 1024 * 1024  # characters that are looked at
MAX_TEXT = 1024 * 1024  # octets of UTF-8

# More is not laid out: each tag costs time and 200 octets of memory, and the parser compares all attributes of a tag.
_MOST_TAGS = 40_000
_LONG_TAG = re.compile(r"<[^<>]{4096}")
_DATA_URL = re.compile(r"data:[^\"'\s<>]{64,}+")

_END_OF_PAGE = re.compile(r"(?:</(?:body|html)\s*+>\s*+)++", re.IGNORECASE)  # a footer may follow, which the parser would drop

# A comment, a script, a declaration, or a tag with its name and attributes; each may lack its end, as for a browser.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?:script|style)(?=[\s/>]).*?(?:</(?:script|style)\s*+>|\Z)|<[!?][^>]*+>?"
    r"|<(/?)([A-Za-z][^\s/>]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?)*+)>?",
    re.DOTALL | re.IGNORECASE,
)
INLINE = re.compile(r"a|abbr|b|big|code|del|em|font|i|img|ins|kbd|label|o:p|q|s|small|span|strong|sub|sup|tt|u|wbr")
_VOID = re.compile(r"area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
_CLOSED_BY_THE_NEXT = re.compile(r"dd|dt|li|option|p|td|th|tr")
_HIDING = re.compile(r"\bhidden(?=[\s=]|\Z)|display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all", re.IGNORECASE)
_HUGE_NUMBER = re.compile(r"&#x?[0-9a-f]{8,}+;?", re.IGNORECASE)  # beyond Unicode, and Python refuses very long ones

# Controls, and what has no ink: soft hyphens, joiners, fillers, variation selectors, and all that turns the direction.
_UNPRINTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BLANK = re.compile(r"[^\S\n]")
_BLANK_LINES = re.compile(r"\n{3,}")


def text_of_html(html: str, *, bold: str = "*", italic: str = "_") -> tuple[str, tuple[str, ...]]:
    """What is shown of the HTML, as people write text, and the defects found on the way; never raises.

    Nothing is loaded or run, hidden text is left out, and a link shows where it leads. The text has at most 1 MiB; its
    lines end with LF, and it holds no other control characters, and none that are invisible or turn the direction. Of
    more than 1 MiB the rest is not read: ``html-cut``. HTML that has too many tags, or is nested too deep, to be laid out
    is ``html-too-complex``: then only its tags are taken away.
    """
    seen = seen_of(html)
    laid_out = _laid_out(seen, bold, italic)
    text = _tidy(_without_tags(seen) if laid_out is None else laid_out)
    kept = text.encode()[:MAX_TEXT].decode("utf-8", "ignore")
    cut = len(html) > MAX_HTML or len(kept) < len(text)
    return kept, (*(("html-cut",) if cut else ()), *(("html-too-complex",) if laid_out is None else ()))


def markdown_of(html: str) -> str:
    """What is shown of the HTML, for a program that renders Markdown: ``**bold**``, ``*italic*``; never raises.

    The same holds as for the text of a mail: at most 1 MiB, nothing hidden, links show where they lead. Text of the sender's
    that looks like markup is not escaped.
    """
    return text_of_html(html, bold="**", italic="*")[0]


def seen_of(html: str) -> str:
    """So much of the HTML as is looked at, without files in it (``data:``), and without the end of the page before a footer."""
    return _DATA_URL.sub("", _END_OF_PAGE.sub("<br>", html[:MAX_HTML].replace("\0", "")))


def is_parsable(html: str) -> bool:
    """Whether a parser takes a bounded time for it."""
    return html.count("<") <= _MOST_TAGS and not _LONG_TAG.search(html)


def _laid_out(html: str, bold: str, italic: str) -> str | None:
    """The HTML as Markdown; None when that would take too long, or the parser fails."""
    if not is_parsable(html):
        return None
    from mailproc.reading.markdown import layout_of  # it takes time to import, and most mail has plain text

    try:
        return layout_of(html, bold, italic)
    except Exception:  # parsers in C and Rust, recursion, and any input
        return None


def _without_tags(html: str) -> str:
    """What stands between the tags and is not plainly hidden, in a time in proportion to the size."""
    out, hidden, at = [], _Hidden(), 0
    for found in _MARKUP.finditer(html):
        if not hidden.by:
            out.append(html[at : found.start()])
        at = found.end()
        name = (found[2] or "").lower()
        if name:
            hidden.meet(name, bool(found[1]), found[3])
        if not INLINE.fullmatch(name) and not hidden.by:
            out.append("\n")
    out.append("" if hidden.by else html[at:])
    return unescape(_HUGE_NUMBER.sub("\ufffd", "".join(out)))


class _Hidden:
    """Whether the text is hidden, and ``by`` which element."""

    def __init__(self) -> None:
        self.by = ""
        self.depth = 0

    def meet(self, name: str, closing: bool, attributes: str) -> None:
        """Note a tag, which may hide what follows it, or end that."""
        if name == self.by:
            self.depth += -1 if closing or _CLOSED_BY_THE_NEXT.fullmatch(name) else 1
            self.by = self.by if self.depth else ""
        if self.by or closing or _VOID.fullmatch(name):
            return
        if NEVER_SHOWN.fullmatch(name) or _HIDING.search(attributes):
            self.by, self.depth = name, 1


def _tidy(text: str) -> str:
    """The text without what is not seen, without blanks at the ends of its lines, and with single blank lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    shown = _BLANK.sub(" ", _UNPRINTED.sub("", lines))
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in shown.split("\n"))).strip("\n")
