"""Which of its texts a mail is read by: the plain one, unless that says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.reading.html import MAX_TEXT, text_of_html

_LONGEST_STUB = 400

# What programs put where the plain text belongs, in the languages of their makers. It begins the text, and comes to HTML.
_STUB = re.compile(
    r"\W*+(?:your (?:e-?mail |mail |message |web ?)?(?:client|program|reader|viewer|software|application|browser)"
    r"|this (?:e-?mail|mail|message|newsletter|is an? )|(?:if|in case) you (?:can|are|have|do)"
    r"|(?:to|please) (?:view|see|read|display|use|enable|switch|open)"
    r"|(?:view|read|see|open) (?:this|the) (?:e-?mail|mail|message)"
    r"|(?:ihr|dein) (?:e-?mail|mail)|(?:diese|dies ist eine) (?:html-?)?(?:e-?mail|mail|nachricht)|(?:falls|wenn|sollte) "
    r"|votre (?:client|logiciel|messagerie|programme|navigateur)|ce (?:message|courriel|mail|e-mail)|si (?:vous|no|ce|este) "
    r"|(?:su|tu) (?:cliente|programa|gestor|lector)|este (?:mensaje|correo|e-?mail)|(?:o )?seu (?:cliente|programa|leitor)"
    r"|il (?:tuo|suo) (?:client|programma)|questo messaggio|questa e-?mail|se non |esta mensagem|se n\u00e3o "
    r"|(?:uw|je) (?:e-?mail|mail)|deze (?:e-?mail|mail)|dit bericht|ditt? e-?post|(?:detta|dette) (?:meddelande|mejl))"
    r".*\b(?:html|mime|browser|navigateur|navegador|webbl\u00e4sare)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Body:
    """What the mail says to its reader.

    ``text``       at most 1 MiB, lines end with LF
    ``from_html``  whether it, or its beginning, was made from HTML
    ``defects``    stable names of what was wrong with the HTML that it was made from
    """

    text: str
    from_html: bool = False
    defects: tuple[str, ...] = ()


def choose_body(plain: Sequence[tuple[int, str]], html: Sequence[tuple[int, str]]) -> Body:
    """The text of a mail whose plain and HTML parts are given with where they stand.

    Alternatives come with the plainest first (RFC 2046 section 5.1.4). So HTML that stands behind a plain text repeats it,
    and is left out; HTML before all plain text is the text that those go on from, as where a list adds its footer. A plain
    text that is blank, or only says that there is HTML, counts for nothing when the HTML says anything.
    """
    everything = "\n".join(text for _, text in plain)
    if not html:
        return Body(everything)
    said = [(start, text) for start, text in plain if text.strip() and not _is_stub(text)]
    ahead = [markup for start, markup in html if not said or start < said[0][0]]
    shown, defects = text_of_html("\n".join(ahead)) if ahead else ("", ())
    if not shown:
        return Body("\n".join(text for _, text in said) or everything, False, defects)
    joined = "\n".join([shown, *(text for _, text in said)])
    return Body(joined.encode()[:MAX_TEXT].decode("utf-8", "ignore"), True, defects)


def _is_stub(text: str) -> bool:
    return len(text) <= _LONGEST_STUB and _STUB.match(text) is not None
