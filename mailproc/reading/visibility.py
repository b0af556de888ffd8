"""What is shown of the elements of HTML, as far as their own attributes and those around them say (CSS 2.1)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

NEVER_SHOWN = re.compile(r"audio|iframe|noframes|object|script|select|style|svg|template|textarea|title|video")
_ZERO = re.compile(r"[+-]?[0.]+(?:[a-z]+|%)?")
_RELATIVE = ("%", "inherit", "larger", "smaller")


def drop_hidden(root: Any, deepest: int) -> None:
    """Leave in a tree of lxml's only what is shown; raises ValueError where elements are nested more than ``deepest``."""
    from lxml import etree  # it takes time to import, and most mail has plain text

    sights = [Visibility()]
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            sights.append(sights[-1].within(element))
            if len(sights) > deepest:
                raise ValueError("the HTML is nested too deep")
            if sights[-1].gone:
                walk.skip_subtree()
            elif sights[-1].tiny:
                element.text = None
        else:
            sight = sights.pop()
            if sight.gone or (sight.tiny and element.tag in ("br", "hr", "img")):
                element.clear(keep_tail=True)
                element.tag = "span"
            if not sights[-1].seen:
                element.tail = None


class Visibility(NamedTuple):
    """Whether text is shown: no descendant undoes ``gone``, but one with a font size of its own undoes ``tiny``."""

    gone: bool = False
    tiny: bool = False

    @property
    def seen(self) -> bool:
        """Whether a person can read the text."""
        return not (self.gone or self.tiny)

    def within(self, element: Any) -> Visibility:
        """That of the element's own text, where this is the visibility around it.

        Mailers hide the line of a preview, and newsletters set the font size of frames to 0 and back within. Style
        sheets and colours are not looked at.
        """
        if self.gone or NEVER_SHOWN.fullmatch(element.tag) or "hidden" in element.attrib:
            return Visibility(gone=True)
        style = element.get("style")
        return self._styled(declarations(style)) if style else self

    def _styled(self, style: dict[str, str]) -> Visibility:
        size = style.get("font-size", "inherit")
        inherits = size.endswith(_RELATIVE) or (size.endswith("em") and not size.endswith("rem"))
        tiny = bool(_ZERO.fullmatch(size)) or (self.tiny and inherits)
        return Visibility(_hides(style), tiny)


def declarations(style: str) -> dict[str, str]:
    """The properties of a style attribute and their values, lower-case; the last of two wins, as it does on the screen."""
    found = {}
    for declaration in style.lower().split(";"):
        name, _, value = declaration.partition(":")
        found[name.strip()] = value.partition("!")[0].strip()
    return found


def _hides(style: dict[str, str]) -> bool:
    clipped = style.get("overflow") == "hidden" and any(_is_zero(style, side) for side in ("height", "max-height"))
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("mso-hide") == "all"
        or _is_zero(style, "opacity")
        or clipped
    )


def _is_zero(style: dict[str, str], name: str) -> bool:
    return _ZERO.fullmatch(style.get(name, "")) is not None
