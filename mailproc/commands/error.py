"""What a command raises for a mistake of the sender."""

from __future__ import annotations

from mailproc import Rejected


class CommandError(Rejected):
    """A command that cannot be carried out; the text is told to the sender: one sentence or a few, without line ends.

    It is permanent: nothing is tried again (what is away for now is a `Transient`). What the command has written is undone; the
    other commands of the mail stand. With ``stop`` none of them does: what was carried out is undone, and the commands that
    follow are not tried. Raised outside of a command it is what every `Rejected` is, and ends the mail.
    """

    def __init__(self, text: str, *, stop: bool = False) -> None:
        super().__init__(text)
        self.stop = stop
