"""HTML written as Markdown: lxml parses it, nh3 cleans it, markdownify converts it, and what would take long is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import nh3
from lxml import etree
from markdownify import ATX, MarkdownConverter

from mailproc.reading.visibility import declarations, drop_hidden

MAX_DEPTH = 150  # markdownify nests four calls for each, and Python allows a thousand
MAX_TAGS = 20_000  # that are left when the HTML is clean; ten entities cost as much as one
MAX_SEARCH = 10**10  # characters: nh3 searches the rest of a text at each character that it has to escape
MAX_STEPS = 600_000  # each takes about a microsecond

_BLOCKS = re.compile(
    "address|article|aside|caption|center|dd|details|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|header|legend|main|"
    "nav|option|section|summary|table|tbody|td|tfoot|th|thead|tr"
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NOT_IN_CELLS = ("table", "ul", "ol", "blockquote", "pre", "br", "hr", *_HEADINGS)
_TAGS = {"a", "b", "blockquote", "div", "hr", "i", "li", "ol", "p", "pre", "table", "td", "th", "tr", "ul", *_HEADINGS}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}
# Without a width to wrap at, "wrap" joins the lines of the source, as a browser does.
_OPTIONS: dict[str, Any] = {"bullets": "-", "heading_style": ATX, "table_infer_header": True, "wrap": True, "wrap_width": None}
_OPTIONS |= {"escape_asterisks": False, "escape_underscores": False}
_BOLD = ("b", "strong", "i", "em")
_SYNONYMS = {"strong": "b", "em": "i", "listing": "pre", "plaintext": "pre", "xmp": "pre"}
_BREAK = "\ufdd0"  # the end of a line: in Unicode no character, and for such use
_AT_BREAK = re.compile(f" ?{_BREAK} ?")
_NOT_IN_URL = re.compile(r"[^!#-'*-;=?-Z_a-z~]+")
_TIGHT = re.compile(r"(?:\A|;)\s*+margin\s*+:\s*+0", re.IGNORECASE)


def layout_of(html: str, bold: str, italic: str) -> str:
    """The HTML as Markdown with these marks around bold and italic text, without what a mail reader hides.

    Links show where they lead, when that is http, https or mailto; of an image its alternative text is left. What the
    sender wrote is not escaped, because people read it. Raises ValueError where the HTML has too many tags, is nested too
    deep or takes too many steps, and whatever the libraries raise.
    """
    root = tree_of(html)
    if root is None:
        return ""
    drop_hidden(root, MAX_DEPTH)
    _simplify(root)
    simple = etree.tostring(root, encoding="unicode", method="html")
    if (simple.count("&") + simple.count("\xa0")) * len(simple) > MAX_SEARCH:
        raise ValueError("the HTML has too many characters to be escaped")
    clean = nh3.clean(simple, _TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, url_relative="deny", link_rel=None)
    if clean.count("<") + clean.count("&") // 10 > MAX_TAGS:
        raise ValueError("the HTML has too many tags")
    converter = _Converter(**_OPTIONS)
    converter.marks = {"b": bold, "i": italic}
    return converter.convert(f"<div>{clean}</div>")


def tree_of(html: str) -> Any:
    """The root of the HTML's tree; None where there is nothing. Raises what lxml raises."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    return etree.fromstring(html.encode("utf-8", "replace"), parser)


def _simplify(root: Any) -> None:
    """Rename the elements, so that there are few kinds: most tables in mail only arrange the page, and are blocks."""
    data = {part for table in root.iter("table") if _holds_data(table) for part in table.iter("table", "tr", "td", "th")}
    for element in root.iter("*"):
        tag, style = element.tag, element.get("style") or ""
        is_empty_line = tag in ("div", "o:p", "p") and (element.text or "").strip(" \t\r\n") == "\xa0"
        if is_empty_line or tag == "br":
            element.text = _BREAK
        elif tag == "img":
            element.text = " ".join((element.get("alt") or "").split())
        if tag in _BOLD and declarations(style).get("font-weight") in ("normal", "400"):
            element.tag = "span"  # word processors wrap whole texts so
        elif _BLOCKS.fullmatch(tag) and element not in data:
            element.tag = "div"
        elif tag == "p" and (is_empty_line or (element.get("class") or "").startswith("Mso") or _TIGHT.search(style)):
            element.tag = "div"  # Outlook writes each line as a paragraph
        elif tag == "a" and "href" in element.attrib:
            element.set("href", element.get("href").strip())
        elif tag == "ol" and not re.fullmatch("[0-9]{1,6}", element.get("start") or ""):
            element.attrib.pop("start", None)
        else:
            element.tag = _SYNONYMS.get(tag, tag if tag in _TAGS else "span")  # a text, which nh3 leaves bare


def _holds_data(table: Any) -> bool:
    """Whether a table has rows and columns of text."""
    if table.get("role") in ("presentation", "none") or next(table.iterdescendants(*_NOT_IN_CELLS), None) is not None:
        return False
    return any(_filled_cells(row) > 1 for row in table.iter("tr"))


def _filled_cells(row: Any) -> int:
    return sum(any(text.strip() for text in cell.itertext()) for cell in row.iterchildren("td", "th"))


class _Converter(MarkdownConverter):
    """markdownify for people instead of programs, and in a number of steps; the weights of these are measured."""

    steps = depth = 0
    marks: Mapping[str, str]

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise ValueError("the HTML takes too many steps")

    def process_tag(self, node: Any, parent_tags: Any = None) -> str:
        self.depth += 1
        self._spend(40 + self.depth // 2)
        text = str(super().process_tag(node, parent_tags))  # type: ignore[misc]
        self.depth -= 1
        self._spend(len(text) // 300 + (text.count("\n") if node.name in ("blockquote", "li") else 0) // 2)
        return text

    def process_text(self, el: Any, parent_tags: Any = None) -> str:
        text = str(super().process_text(el, parent_tags))  # type: ignore[misc]
        return (text.replace("\r", "") if "pre" in parent_tags else _AT_BREAK.sub(_BREAK, text)).replace(_BREAK, "\n")

    def convert_a(self, el: Any, text: str, parent_tags: Any) -> str:
        target = _NOT_IN_URL.sub(_escaped, (el.get("href") or "").strip())
        label = text.strip()
        if not (target and label) or label in (target, target.removesuffix("/")) or f"mailto:{label}".lower() == target.lower():
            return text
        if "\n" in label:
            return f"{text.rstrip()}\n<{target}>\n"
        return text.replace(label, "[{}]({})".format(label.replace("[", "(").replace("]", ")"), target), 1)

    def convert_b(self, el: Any, text: str, parent_tags: Any) -> str:
        inside = text.strip()
        if not inside or "\n" in text or {el.name, "_noformat"} & parent_tags:
            return text
        return text.replace(inside, self.marks[el.name] + inside + self.marks[el.name], 1)

    convert_i = convert_b

    def convert_div(self, el: Any, text: str, parent_tags: Any) -> str:
        if "_inline" in parent_tags or not text.strip(" \n"):
            return f" {text.strip()} " if "_inline" in parent_tags else "\n" * ("\n" in text)
        before, inside, after = text.partition(text.strip("\n"))
        return (before[:2] or "\n") + inside + (after[:2] or "\n")

    def convert_hN(self, n: int, el: Any, text: str, parent_tags: Any) -> str:  # noqa: N802
        return str(super().convert_hN(n, el, text, parent_tags)) if text.strip() else ""  # type: ignore[misc]

    def convert_li(self, el: Any, text: str, parent_tags: Any) -> str:
        self._spend(len(el.parent.contents) // 16 if el.parent.name == "ol" else 0)  # they are counted for each
        return str(super().convert_li(el, text, parent_tags))  # type: ignore[misc]

    def convert_ul(self, el: Any, text: str, parent_tags: Any) -> str:
        written = str(super().convert_list(el, text, parent_tags))  # type: ignore[misc]
        return written if "li" in parent_tags else written.rstrip("\n") + "\n\n"

    convert_ol = convert_ul

    def convert_pre(self, el: Any, text: str, parent_tags: Any) -> str:
        return "\n\n{}\n\n".format(text.strip("\n"))


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in found[0].encode("utf-8", "replace"))
