"""What a command raises for a mistake of the sender."""

from __future__ import annotations


class CommandError(Exception):
    """A command that cannot be carried out; ``text`` is told to the sender and is one sentence or a few, without line ends.

    What the command has written is undone; the other commands of the mail stand. With ``stop`` none of them does: what was
    carried out is undone, and the commands that follow are not tried.
    """

    def __init__(self, text: str, *, stop: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.stop = stop
