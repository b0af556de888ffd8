"""What the plugin does with a mail, from the maildrop to the answer: nothing is mocked, and nothing is sent."""

from collections.abc import Iterator

import pytest
from notes.models import Note, Notebook
from sqlalchemy import select

from mailproc.testing import PostOffice, SigningKey, make_mail

ANN, BOB = "ann@example.com", "bob@example.com"
SHOPPING, DESK = "shopping@notes.example.org", "desk@librarian.example.org"


@pytest.fixture(scope="module")
def anns_key() -> Iterator[SigningKey]:
    """Ann's key; making one takes a moment, so that all tests share it."""
    with SigningKey.generate("Ann <ann@example.com>") as key:
        yield key


@pytest.fixture
def office(anns_key: SigningKey) -> Iterator[PostOffice]:
    """An installation with the plugin in it, bound as an operator would, and two users."""
    with PostOffice(migrations="notes") as office:
        office.bind("notes.example.org", "notes")
        office.bind("librarian.example.org", "librarian", {"at_most": 2})
        office.user("ann", ANN, key=anns_key)
        office.user("bob", BOB)
        with office.session() as session:
            session.add(Notebook(name="shopping", owner="ann"))
        yield office


def notes_in(office: PostOffice) -> list[tuple[str, str, str]]:
    """All notes: notebook, author, text."""
    with office.session() as session:
        return [(note.notebook, note.author, note.text) for note in session.scalars(select(Note).order_by(Note.id))]


def test_a_known_sender_adds_a_note(office: PostOffice) -> None:
    """A note needs no signature."""
    delivered = office.deliver(make_mail(sender=BOB, to=SHOPPING, text="Milk"))
    assert (delivered.disposition, delivered.reason, delivered.sent) == ("handled", "added to shopping", ())
    assert notes_in(office) == [("shopping", "bob", "Milk")]


def test_a_stranger_adds_nothing(office: PostOffice) -> None:
    """Mail from an unknown address does not reach the handler."""
    assert office.deliver(make_mail(sender="eve@example.net", to=SHOPPING, text="Poison")).disposition == "dropped"
    assert notes_in(office) == []


def test_a_note_without_a_notebook_is_rejected(office: PostOffice) -> None:
    """The sender is told."""
    delivered = office.deliver(make_mail(sender=BOB, to="nosuch@notes.example.org", text="Milk"))
    assert delivered.disposition == "rejected"
    assert "There is no such notebook." in delivered.sent[0].text


def test_a_mail_without_text_is_dropped(office: PostOffice) -> None:
    """There is nothing to note and nobody to tell."""
    delivered = office.deliver(make_mail(sender=BOB, to=SHOPPING, text=" \n"))
    assert (delivered.disposition, delivered.sent) == ("dropped", ())


def test_a_signed_mail_runs_its_commands(office: PostOffice, anns_key: SigningKey) -> None:
    """The commands end at the signature that a mail program puts below."""
    office.deliver(make_mail(sender=BOB, to=SHOPPING, text="Milk"))
    text = "open work\nread shopping\n\n-- \nAnn, phone 555"
    delivered = office.deliver(make_mail(sender=ANN, to=DESK, subject="Books", text=text, key=anns_key))
    assert (delivered.disposition, delivered.reason) == ("handled", "commands run: 2")
    (answer,) = delivered.sent
    assert (answer.to, answer.subject) == (ANN, "Re: Books")
    assert answer.text.split("\n") == ["work is open.", "", "shopping:", "bob: Milk", ""]


def test_commands_must_be_signed(office: PostOffice) -> None:
    """Anybody can write Ann's address into From."""
    delivered = office.deliver(make_mail(sender=ANN, to=DESK, text="close shopping"))
    assert (delivered.disposition, delivered.rule) == ("rejected", "not-strong-enough")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("open shopping", "shopping: there is a notebook of this name already."),
        ("open ../etc", "../etc: a name has up to 40 letters, digits and hyphens."),
        ("read nosuch", "nosuch: you have no such notebook."),
        ("burn shopping", "burn shopping: there is no such command."),
        ("open a\nopen b", "b: you have 2 notebooks, and may not have more."),
        ("-- \nAnn", "There is no command in your mail."),
    ],
)
def test_a_bad_command_is_told_to_the_sender(office: PostOffice, anns_key: SigningKey, text: str, says: str) -> None:
    """The answer names the command that failed."""
    delivered = office.deliver(make_mail(sender=ANN, to=DESK, text=text, key=anns_key))
    assert delivered.disposition == "rejected"
    assert says in delivered.reason
    assert says in " ".join(delivered.sent[0].text.split())


def test_a_bad_command_undoes_the_good_ones(office: PostOffice, anns_key: SigningKey) -> None:
    """All commands of a mail are run, or none."""
    office.deliver(make_mail(sender=ANN, to=DESK, text="close shopping\nopen it all", key=anns_key))
    with office.session() as session:
        assert session.scalars(select(Notebook.name)).all() == ["shopping"]


def test_a_notebook_is_closed_with_its_notes(office: PostOffice, anns_key: SigningKey) -> None:
    """Only its owner can do that."""
    office.deliver(make_mail(sender=BOB, to=SHOPPING, text="Milk"))
    delivered = office.deliver(make_mail(sender=ANN, to=DESK, text="close shopping", key=anns_key))
    assert delivered.disposition == "handled"
    assert notes_in(office) == []


def test_nobody_closes_the_notebook_of_another(office: PostOffice) -> None:
    """A good signature is worth what its owner may do."""
    with SigningKey.generate("Cid <cid@example.com>") as key:
        office.user("cid", "cid@example.com", key=key)
        delivered = office.deliver(make_mail(sender="cid@example.com", to=DESK, text="close shopping", key=key))
    assert (delivered.disposition, delivered.reason) == ("rejected", "shopping: you have no such notebook.")
