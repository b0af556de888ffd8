"""What the words behind a token in an address change about the mail that goes to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OPTIONS: Mapping[str, Mapping[str, bool]] = {
    "show-sender": {"show_sender": True},
    "include-footer": {"include_footer": True},
    "include-quotes": {"include_quotes": True},
    "prefer-text": {"prefer_text": True},
    "prefer-html": {"prefer_text": False},
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a mail is turned into a post.

    ``show_sender``     its From stands above the text
    ``include_footer``  what follows a line ``--`` is posted, too
    ``include_quotes``  so is the mail that it quotes; None: when the subject says that it is forwarded
    ``prefer_text``     the plain text is chosen where there is HTML as well
    """

    show_sender: bool = False
    include_footer: bool = False
    include_quotes: bool | None = None
    prefer_text: bool = True


def read_options(words: Iterable[str]) -> Options:
    """The options that these words set, in either case; of two that contradict the last wins, and other words say nothing."""
    fields: dict[str, bool] = {}
    for word in words:
        fields |= OPTIONS.get(word.lower(), {})
    return Options(**fields)
