"""Who works on the bugs by a mail: what they see, and what becomes of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, object_mapper

from bugs.models import Bug, Entry, Person, Subscription, Tag
from mailproc import Delivery, Trust
from mailproc.commands import CommandError

LONGEST_TITLE = 200  # characters


@dataclass
class Desk:
    """The person ``me`` with one mail, whose id is ``mail``; ``draft`` is the title and the text of a bug that it may open."""

    session: Session
    me: Person
    mail: str
    longest: int
    draft: tuple[str, str] | None = None

    def find(self, number: int) -> Bug:
        """The bug of this number; one that is private to others is as good as none, and nothing may tell them apart."""
        bug = self.session.get(Bug, number)
        if bug is None or not self.sees(bug):
            raise CommandError(f"There is no bug {number}.")
        return bug

    def sees(self, bug: Bug) -> bool:
        """Everybody sees a bug that is not private; else who reported it, who works on it, and who is subscribed."""
        return not bug.private or self.runs(bug) or self.session.get(Subscription, (bug.number, self.me.name)) is not None

    def runs(self, bug: Bug) -> bool:
        """Who has reported a bug or works on it may decide who sees it."""
        return self.me.name in (bug.reporter, bug.assignee)

    def open(self) -> Bug:
        """The bug that the draft describes; there can be one of them."""
        if self.draft is None:
            raise CommandError("A mail to new@ or to edit@ can open one bug.")
        (title, text), self.draft = self.draft, None
        bug = Bug(title=checked_title(title), reporter=self.me.name)
        self.session.add(bug)
        self.session.flush()  # which gives it its number
        self.subscribe(bug, self.me)
        self.say(bug, text)
        return bug

    def say(self, bug: Bug, text: str) -> None:
        """Write down what was said of a bug."""
        if not text.strip():
            raise CommandError("Your mail has no text.")
        if len(text) > self.longest:
            raise CommandError(f"Your text is longer than {self.longest} characters.")
        self.note(bug, text.strip("\n"))

    def note(self, bug: Bug, text: str) -> None:
        """Write down what was done to a bug; its subscribers are told."""
        self.session.add(Entry(bug=bug.number, author=self.me.name, text=text, mail=self.mail))

    def subscribe(self, bug: Bug, person: Person) -> None:
        """Have somebody told of what happens to a bug, once."""
        add_once(self.session, Subscription(bug=bug.number, person=person.name))

    def unsubscribe(self, bug: Bug, person: Person) -> None:
        """Have somebody told no more."""
        if not remove(self.session, Subscription, (bug.number, person.name)):
            raise CommandError(f"{person.name} is not subscribed.")

    def tag(self, bug: Bug, word: str) -> None:
        """Give a bug a tag, once."""
        add_once(self.session, Tag(bug=bug.number, name=word))

    def untag(self, bug: Bug, word: str) -> None:
        """Take a tag away from a bug."""
        if not remove(self.session, Tag, (bug.number, word)):
            raise CommandError(f'The bug has no tag "{word}".')

    def person(self, word: str) -> Person:
        """Somebody who has written to us, by name or address, or ``me``."""
        if word.lower() == "me":
            return self.me
        called = or_(func.lower(Person.name) == word.lower(), func.lower(Person.address) == word.lower())
        found = self.session.scalars(select(Person).where(called).order_by(Person.name)).first()
        if found is None:
            raise CommandError(f'Nobody called "{word[:60]}" has ever written to this tracker.')
        return found


def checked_title(title: str) -> str:
    """A title as it is kept; raises `CommandError` for none and for one that is too long."""
    if not title.strip():
        raise CommandError("A bug needs a title: the subject of your mail.")
    if len(title) > LONGEST_TITLE:
        raise CommandError(f"A title has at most {LONGEST_TITLE} characters.")
    return title.strip()


def sit_down(delivery: Delivery, longest: int, draft: tuple[str, str] | None = None) -> Desk:
    """The desk of who has sent a mail; mail to them goes from now on to the address that they have proven."""
    session, sender = delivery.session, delivery.sender
    add_once(session, Person(name=sender.user, address=str(sender.address)))
    me = session.get_one(Person, sender.user)
    if sender.trust >= Trust.STRONG:
        me.address = str(sender.address)
    return Desk(session, me, delivery.id, longest, draft)


def add_once(session: Session, row: Person | Subscription | Tag) -> None:
    """Add a row, unless it is there; that another process adds the same one after we have looked is found out by its key."""
    if session.get(type(row), object_mapper(row).primary_key_from_instance(row)) is None:
        with suppress(IntegrityError), session.begin_nested():
            session.add(row)


def remove(session: Session, kind: type[Subscription | Tag], key: tuple[int, str]) -> bool:
    """Remove the row with this key at once; False where there is none."""
    row = session.get(kind, key)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None
