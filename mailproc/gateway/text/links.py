"""Links of strangers: those that are kept lead to the web or to a mail program, and not elsewhere than they say.

Of a link that is not kept the bracket in front of its target gets a zero-width space, so that both are text.
"""

from __future__ import annotations

import html
import re
import unicodedata

from mailproc.gateway.text.characters import BREAK

_SCHEME = r"(?:https?://|mailto:)"
_TARGET = rf"\({_SCHEME}(?:[^\s()<>\\]++|\([^\s()<>\\]*+\))*+\)"
_UNFIT_LINK = re.compile(rf"\](?=\()(?!{_TARGET})", re.IGNORECASE)
_LINK = re.compile(rf"\](?={_TARGET})", re.IGNORECASE)
_DEFINITION = re.compile(r"\](?=:)")
_UNNAMED_IMAGE = re.compile(r"!\[\]\(")
_IMAGE = re.compile(r"!(?=\[)")

_LONGEST_LABEL = 300
_LONGEST_PARAGRAPH = 600  # that is looked at where it is unclear where a label begins
_UNCLEAR = re.compile(r"[\\`<>]|\]\(")  # escapes, code, tags and autolinks hide brackets, each chat in its own way

_SHOWN_HOST = re.compile(r"(?:https?://|www\.)(?:[^\s/?#@]*@)?(?:www\.)?([^\s/?#:)]+)", re.IGNORECASE)
_SHOWN_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w[\w.-]*")
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_UNSEEN = re.compile(rf"[\\*_~`{_INVISIBLE}]")


def honest(text: str) -> str:
    """The text with those links alone that lead where they say; images are links, and no label is defined elsewhere.

    A link by a definition (CommonMark 4.7) could not be compared with where it leads.
    """
    text = _IMAGE.sub(f"!{BREAK}", _UNNAMED_IMAGE.sub("[image](", text))
    return _LINK.sub(_link, _UNFIT_LINK.sub(f"]{BREAK}", _DEFINITION.sub(f"]{BREAK}", text)))


def _link(found: re.Match[str]) -> str:
    """The bracket between a label and its target, broken where the two disagree."""
    text, at = found.string, found.start()
    label = _label(text, at)
    target = text[at + 2 : at + 2 + _LONGEST_LABEL].partition(")")[0]
    return f"]{BREAK}" if label is None or _deceives(_plain(label), _plain(target)) else "]"


def _label(text: str, at: int) -> str | None:
    """The label that ends at a bracket, or more than it where that is unclear; None where it has no beginning in reach."""
    first = max(at - _LONGEST_LABEL, 0)
    opened = _opening(text, first, at)
    if opened is not None and text[opened - 1 : opened] != "\\" and not _UNCLEAR.search(text, opened, at):
        return text[opened + 1 : at]
    first = max(at - _LONGEST_PARAGRAPH, 0)
    _, cut, paragraph = text[first:at].rpartition("\n\n")
    if first and not cut:
        return None
    _, bracket, label = paragraph.partition("[")
    return label if bracket else None


def _opening(text: str, first: int, at: int) -> int | None:
    """Where the bracket is that belongs to the closing one."""
    depth, bracket = 1, at
    while depth and (bracket := max(text.rfind("[", first, bracket), text.rfind("]", first, bracket))) >= 0:
        depth += 1 if text[bracket] == "]" else -1
    return bracket if bracket >= 0 else None


def _plain(text: str) -> str:
    """The text as it is seen: entities and what looks like ASCII are that, and there is no emphasis, escape, or invisible."""
    if text.isascii() and text.replace("-", "").replace(".", "").isalnum():
        return text
    seen = unicodedata.normalize("NFKC", html.unescape(text))
    return _UNSEEN.sub("", seen if seen.isascii() else "".join(each for each in seen if unicodedata.category(each) != "Cf"))


def _deceives(label: str, target: str) -> bool:
    """Whether a link says that it leads elsewhere: another host, or the address of somebody else."""
    host = _SHOWN_HOST.match(target)
    if any(host is None or shown[1].lower() != host[1].lower() for shown in _SHOWN_HOST.finditer(label)):
        return True
    address = _SHOWN_ADDRESS.search(label) if "@" in label else None
    return address is not None and address[0].lower() != target[len("mailto:") :].partition("?")[0].lower()
