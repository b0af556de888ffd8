"""The help mail, made of the commands themselves."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from mailproc.commands.command import Command

_WIDTH = 72  # columns, so that it can be quoted and still fits into 78 (RFC 5322 section 2.1.1)

_HEAD = (
    "A command is a line of your mail that begins with a blank; there may be other text around it, and several commands in a "
    "mail. A text of several words stands in quotation marks. A line with a blank and the word done ends the commands. Your "
    "mail must be signed with your OpenPGP key, or come from a domain whose signature is trusted here."
)


def explain(commands: Iterable[Command]) -> str:
    """The commands, each with how it is written, what it does, and an example.

    No line begins with a blank: an answer that repeats this text must not carry out what it explains.
    """
    entries = (f"* {command.usage}\n{_filled(_explained(command))}" for command in commands)
    return (
        "\n\n".join(
            [_filled(_HEAD), *entries, f"* help\n{_filled('Be sent this text; for that your mail need not be signed.')}"]
        )
        + "\n"
    )


def _explained(command: Command) -> str:
    example = "" if command.example == command.usage else f"For example: {command.example}"
    return " ".join(filter(None, (command.purpose, example)))


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
