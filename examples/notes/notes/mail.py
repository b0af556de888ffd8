"""The handlers of notes: anybody we know may add a note; who opens, reads or closes a notebook must sign."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import func, select

from mailproc import Delivery, Outcome, Rejected, Trust, handler
from notes.models import Note, Notebook


@handler()
def add_note(delivery: Delivery) -> Outcome:
    """Append the text to the notebook that the address names."""
    notebook = delivery.session.get(Notebook, delivery.recipient.local.lower())
    if notebook is None:
        return delivery.reject("There is no such notebook.")
    text = delivery.message.text.strip()
    if not text:
        return delivery.drop("the mail has no text")
    notebook.notes.append(Note(author=delivery.sender.user, text=text))
    return delivery.handled(f"added to {notebook.name}")


@handler(requires=Trust.STRONG)
@dataclass(frozen=True)
class Librarian:
    """Runs the commands of a signed mail, one on a line, up to a line ``--``; all of them or none.

    ``at_most`` is how many notebooks one user may have. The commands stand in the text, because nobody signs a subject.
    """

    at_most: int = 10

    def __call__(self, delivery: Delivery) -> Outcome:
        """Answer with what each command has to say; the first that fails undoes the others."""
        lines = takewhile(lambda line: line.strip() != "--", delivery.message.text.splitlines())
        commands = [line.strip() for line in lines if line.strip()]
        if not commands:
            return delivery.reject("There is no command in your mail.")
        said = [self._run(command, delivery) for command in commands]
        return delivery.handled(f"commands run: {len(said)}", send=[delivery.reply("\n\n".join(said))])

    def _run(self, command: str, delivery: Delivery) -> str:
        match command.lower().split():
            case ["open", name]:
                return self._open(name, delivery)
            case ["read", name]:
                notes = _own_notebook(name, delivery).notes
                return "\n".join([f"{name}:", *(f"{note.author}: {note.text}" for note in notes)])
            case ["close", name]:
                delivery.session.delete(_own_notebook(name, delivery))
                return f"{name} is closed."
        raise Rejected(f"{command}: there is no such command. There are: open NAME, read NAME, close NAME.")

    def _open(self, name: str, delivery: Delivery) -> str:
        owner, session = delivery.sender.user, delivery.session
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
            raise Rejected(f"{name}: a name has up to 40 letters, digits and hyphens.")
        if session.get(Notebook, name) is not None:
            raise Rejected(f"{name}: there is a notebook of this name already.")
        if (session.scalar(select(func.count()).where(Notebook.owner == owner)) or 0) >= self.at_most:
            raise Rejected(f"{name}: you have {self.at_most} notebooks, and may not have more.")
        session.add(Notebook(name=name, owner=owner))
        return f"{name} is open."


def _own_notebook(name: str, delivery: Delivery) -> Notebook:
    notebook = delivery.session.get(Notebook, name)
    if notebook is None or notebook.owner != delivery.sender.user:
        raise Rejected(f"{name}: you have no such notebook.")
    return notebook
