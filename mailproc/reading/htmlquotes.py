"""Mail that is quoted in HTML: the elements in which mailers put it, and the line above them that says whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from mailproc.reading.html import INLINE, is_parsable, seen_of
from mailproc.reading.quotes import FROM, is_attribution

_MAX_DEPTH = 300  # of what is not quoted
_MAX_STEPS = 30  # back from a quote, in search of its attribution
_LONGEST_ATTRIBUTION = 300  # characters

_HINT = re.compile(r"quote|divRplyFwdMsg|appendonsend|OLK_SRC_BODY|mail-editor-reference|moz-|border-top", re.IGNORECASE)

# Elements that hold nothing but another mail. Outlook and Yahoo prefix what they did not make themselves.
_CONTAINER = re.compile(
    r"(?:x_|ydp[0-9a-f]{1,12})*(?:gmail_quote(?:_container)?|yahoo_quoted|yahoo-quoted|protonmail_quote|tutanota_quote|zmail_extra"
    r"|moz-forward-container|quoted-mail|quoted-text)",
    re.IGNORECASE,
)
# Where another mail begins that goes on to the end.
_BEGIN = re.compile(
    r"(?:x_)*(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|mail-editor-reference-message-container)", re.IGNORECASE
)
_ATTRIBUTION = re.compile(r"(?:x_)*(?:gmail_attr|moz-cite-prefix|protonmail_quote_attribution)", re.IGNORECASE)
_RULE_ABOVE = re.compile(r"border\s*+:\s*+none.{0,80}?border-top\s*+:\s*+(?:solid|[0-9.]+pt)", re.IGNORECASE | re.DOTALL)


def without_html_quotes(html: str) -> str:
    """The HTML without the mail that it answers or passes on, as far as that is certain; never raises.

    Block quotes go with the line that says whose words they are, and what mailers mark as another mail. Block quotes stay
    where the text goes on between them, because the answers make no sense alone, and one amid a text that does not say
    whose it is. The HTML is unchanged where nothing is found, and where it has too many tags or is nested too deep; of
    more than 1 MiB only the beginning is left.
    """
    seen = seen_of(html)
    if not _HINT.search(seen) or not is_parsable(seen):
        return html
    from lxml import etree  # it takes time to import, and most mail has plain text

    from mailproc.reading.markdown import tree_of

    try:
        root = tree_of(seen)
        if root is None or not _is_freed(root):
            return html
        return str(etree.tostring(root, encoding="unicode", method="html"))
    except Exception:  # a parser in C, and any input
        return html


def _is_freed(root: Any) -> bool:
    """Take the quotes out of the tree; False where there were none."""
    found = _Quotes(root)
    blocks = found.blocks if found.are_certain else []
    for piece in [piece for block in blocks for piece in _attribution(block)]:
        piece.blank()
    for element in (*blocks, *found.containers):
        _blank(element)
    if found.begin is not None:
        _end_before(found.begin)
    return bool(blocks or found.containers or found.begin is not None)


class _Quotes:
    """The quotes of a tree: ``blocks`` and ``containers``, and where one has its ``begin`` that goes on to the end."""

    def __init__(self, root: Any) -> None:
        from lxml import etree

        self.blocks: list[Any] = []
        self.containers: list[Any] = []
        self.begin: Any = None
        self._texts = [False]  # whether there is text before, between and after the blocks
        self._depth = 0
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._depth -= 1
                self._meet_text(element.tail)
            elif self._meet(element):
                walk.skip_subtree()
            if self.begin is not None:
                return

    @property
    def are_certain(self) -> bool:
        """Whether the blocks are quotes of the mail that is answered, and nothing was written between them."""
        if any(self._texts[1:-1]):
            return False
        return not (self._texts[0] and self._texts[-1]) or any(_is_marked(block) for block in self.blocks)

    def _meet(self, element: Any) -> bool:
        """Note the element; whether what is in it is of no interest."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("the HTML is nested too deep")
        if element.tag == "blockquote":
            self.blocks.append(element)
            self._texts.append(False)
        elif _begins(element):
            self.begin = element
        elif _is_container(element):
            self.containers.append(element)
        elif element.tag not in ("head", "style", "script", "title") and not _named(element, _ATTRIBUTION):
            self._meet_text(element.text)
            return False
        return True

    def _meet_text(self, text: str | None) -> None:
        if text and text.strip():
            self._texts[-1] = True


def _named(element: Any, names: re.Pattern[str]) -> bool:
    words = f"{element.get('class') or ''} {element.get('id') or ''}"[:500].split()
    return any(names.fullmatch(re.sub(r"(?<=quoted)_?\d+\Z", "", word)) for word in words)


def _is_container(element: Any) -> bool:
    """Whether it is another mail as a whole; around a block quote there may also be an answer."""
    if element.get("name") == "quote" and element.tag == "div":
        return True
    return _named(element, _CONTAINER) and next(element.iterdescendants("blockquote"), None) is None


def _begins(element: Any) -> bool:
    if _named(element, _BEGIN):
        return True
    if element.tag != "div" or not _RULE_ABOVE.search((element.get("style") or "")[:500]):
        return False
    return FROM.match("".join(islice(element.itertext(), 20))[:200].strip()) is not None


def _is_marked(block: Any) -> bool:
    return block.get("type") == "cite" or _named(block, _CONTAINER) or bool(_attribution(block))


def _attribution(quote: Any) -> list[_Piece]:
    """What to blank so that the line above the quote is gone; empty where that line is a person's."""
    pieces: list[_Piece] = []
    line = ""
    for piece in islice(_back_from(quote), _MAX_STEPS):
        ends = piece.ends_line
        if line.strip() and ends:
            break
        if piece.element.tag == "blockquote":
            return []
        pieces.append(piece)
        if piece.place == "all" and _named(piece.element, _ATTRIBUTION):
            return pieces
        line = piece.text + line
        if len(line) > _LONGEST_ATTRIBUTION or (line.strip() and ends):
            break
    said = " ".join(line.split())
    return pieces if said.endswith((":", "\uff1a")) and len(said) <= _LONGEST_ATTRIBUTION and is_attribution(said) else []


class _Piece(NamedTuple):
    """Text before a quote: ``all`` of an element, its ``text`` before its first child, or the ``tail`` behind it."""

    element: Any
    place: str

    @property
    def text(self) -> str:
        """A bounded part of it."""
        if self.place == "all":
            return "".join(islice(self.element.itertext(), 50))[: 2 * _LONGEST_ATTRIBUTION]
        return getattr(self.element, self.place) or ""

    @property
    def ends_line(self) -> bool:
        """Whether it is a line of its own, or ends one."""
        return self.place == "all" and not (INLINE.fullmatch(self.element.tag) and self.element.tag != "br")

    def blank(self) -> None:
        """Take it out of the tree."""
        if self.place == "all":
            _blank(self.element)
        else:
            setattr(self.element, self.place, None)


def _back_from(element: Any) -> Iterator[_Piece]:
    """What stands before an element, backwards; out of what begins with it, up to the page."""
    while element.tag not in ("body", "html"):
        before, parent = element.getprevious(), element.getparent()
        if before is not None:
            yield _Piece(before, "tail")
            yield _Piece(before, "all")
            element = before
        elif parent is not None:
            yield _Piece(parent, "text")
            element = parent
        else:
            return


def _blank(element: Any) -> None:
    element.clear(keep_tail=True)
    element.tag = "span"


def _end_before(begin: Any) -> None:
    """Take out the element, the rule above it, and all that follows."""
    above = begin.getprevious()
    if above is not None and above.tag == "hr" and not (above.tail or "").strip():
        _blank(above)
    for element in (begin, *begin.iterancestors()):
        for following in list(element.itersiblings()):
            element.getparent().remove(following)
        element.tail = None
    _blank(begin)
