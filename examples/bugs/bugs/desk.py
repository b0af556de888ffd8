"""Who works on the bugs by a mail: what they see, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from bugs.models import Bug, Entry, Person, Subscription
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
        return not bug.private or self.runs(bug) or any(each.person == self.me.name for each in bug.subscribers)

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
        self.subscribe(bug, self.me)
        self.say(bug, text)
        self.session.flush()
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
        bug.entries.append(Entry(author=self.me.name, text=text, mail=self.mail))

    def subscribe(self, bug: Bug, person: Person) -> None:
        """Have somebody told of what happens to a bug, once."""
        if all(each.person != person.name for each in bug.subscribers):
            bug.subscribers.append(Subscription(person=person.name))

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
    me = session.get(Person, sender.user)
    if me is None:
        me = Person(name=sender.user, address=str(sender.address))
        session.add(me)
    elif sender.trust >= Trust.STRONG:
        me.address = str(sender.address)
    session.flush()
    return Desk(session, me, delivery.id, longest, draft)
