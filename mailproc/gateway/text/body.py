"""What a mail says, as far as it is new: without the mail that it quotes and without its footer."""

from __future__ import annotations

from mailproc.gateway.options import Options
from mailproc.gateway.text.armour import without_armour
from mailproc.gateway.text.topic import is_forwarded
from mailproc.reading import Message, markdown_of, without_html_quotes, without_quotes

NOTHING_LEFT = "(No email body)"

# Of more, no chat shows the rest; quotes are looked for in so much (mailproc.reading.without_quotes).
_MOST_CHARACTERS = 60_000
_MOST_LINES = 5000


class NoBody(Exception):
    """The mail has no text to be posted; ``str()`` says on one line what it has instead."""


def body_of(message: Message, options: Options) -> str:
    """The text to be posted: plain, or HTML as Markdown, at most 60,000 characters, not yet made harmless.

    It is "(No email body)" where everything was quote or footer. Raises `NoBody` for a mail that never said anything.
    """
    quotes = is_forwarded(message.subject) if options.include_quotes is None else options.include_quotes
    text = _chosen(message, prefer_text=options.prefer_text, quotes=quotes)
    return (text if options.include_footer else _without_footer(text)).strip("\n").rstrip() or NOTHING_LEFT


def _chosen(message: Message, *, prefer_text: bool, quotes: bool) -> str:
    """What the mail says, without quotes unless they are wanted; nothing where it was nothing else."""
    is_plain = bool((message.plain or "").strip())
    if message.html and (not prefer_text or not is_plain or message.text_from_html):
        freed = message.html if quotes else without_html_quotes(message.html)
        text = _from_html(message, freed, quotes=quotes)
        if text.strip() or (freed is not message.html and markdown_of(message.html).strip()):
            return text
    if message.text.strip():
        return _from_plain(message.text, quotes=quotes)
    if message.plain is None and message.html is None:
        raise NoBody("the mail has neither plain text nor HTML")
    raise NoBody("the text of the mail is empty")


def _from_html(message: Message, html: str, *, quotes: bool) -> str:
    return "\n".join(part for part in (_from_plain(markdown_of(html), quotes=quotes), _added(message)) if part)


def _added(message: Message) -> str:
    """The plain text that goes on from the HTML before it, as where a list adds its footer."""
    plain = message.plain or ""
    return plain if plain.strip() and message.text_from_html and message.text.endswith(plain) else ""


def _from_plain(text: str, *, quotes: bool) -> str:
    begin = without_armour("\n".join(text[:_MOST_CHARACTERS].split("\n")[:_MOST_LINES]))
    return begin if quotes else without_quotes(begin)


def _without_footer(text: str) -> str:
    """The text before the line ``--``, where there is exactly one: of several it is unknown which begins the footer."""
    lines = text.split("\n")
    marks = [number for number, line in enumerate(lines) if line.strip() == "--"]
    return "\n".join(lines[: marks[0]]) if len(marks) == 1 else text
