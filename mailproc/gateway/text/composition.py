"""The text of a message, with all that belongs to it: whose it is, the files, and what is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailproc.gateway.posting import Posting
from mailproc.gateway.text.content import content_of
from mailproc.gateway.text.mentions import defused_line
from mailproc.reading import one_line

_NAMED = 5  # files that were not taken and are told by name
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Link:
    """A file of a post; ``url`` None says that the chat has not taken it."""

    name: str
    url: str | None


def composed(post: Posting, author: str | None, files: Sequence[Link], limit: int) -> str:
    """The text, at most ``limit`` characters long. ``author`` is how the chat's Markdown names the user whose text it is.

    Of the links there are as many as half of it holds; how many more files the mail has is said.
    """
    links = _fitting([(file.name, file.url) for file in files if file.url is not None], limit // 2)
    refused = [file.name for file in files if file.url is None]
    top = f"{author or f'**{inert(post.user)}**'} wrote:\n\n" if post.user else ""
    end = _not_shown(refused, len(post.attachments) - len(refused) - len(links))
    text = content_of(post.body, sender=post.sender, subject=post.subject, links=links, limit=limit - len(top) - len(end))
    return (top + text + end).strip()


def inert(text: str) -> str:
    """A text of others as one line that means nothing in Markdown, and mentions nobody."""
    return defused_line(one_line(text).replace("*", "\u2217"))


def _fitting(links: Sequence[tuple[str, str]], room: int) -> list[tuple[str, str]]:
    kept = []
    for name, url in links:
        room -= len(name) + len(url) + 5
        if room < 0:
            break
        kept.append((name, url))
    return kept


def _not_shown(refused: Sequence[str], more: int) -> str:
    told = ""
    if refused:
        names = ", ".join(inert(name[:_LONGEST_NAME]) for name in refused[:_NAMED])
        others = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        told += f"\n\n(Not taken by the chat: {names}{others})"
    if more:
        told += f"\n\n(Files that are not shown here: {more})"
    return told
