"""An installation that answers people who are away: a Sieve script on a real Dovecot answers in their place (RFC 5230)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tests.installation import make_mail
from tests.loops.handlers import WAYS
from tests.loops.houses import House
from tests.loops.post import DAMAGES, Carried, Place, Post
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

MOST_ROUNDS = 12
_TEXT = '"I am away until Monday."'
_PART = "text:\nContent-Type: text/plain; charset=utf-8\n\nI am away until Monday.\n.\n"
_REQUIRED = 'require ["vacation", "vacation-seconds"];\n'


@dataclass(frozen=True, slots=True)
class Absence:
    """How the people of one story are away, how they are answered, and what the way between does to the mail."""

    seed: int
    people: tuple[str, ...]
    script: str
    way: str
    damages: frozenset[str]

    @classmethod
    def of(cls, seed: int) -> Absence:
        """The story of this seed, with one to three people."""
        rng = random.Random(seed)
        people = tuple(f"away{seed}-{n}@example.com" for n in range(rng.randint(1, 3)))
        damages = frozenset(damage for damage in DAMAGES if rng.random() < rng.choice((0.0, 0.3, 0.8)))
        return cls(seed, people, _script(rng), rng.choice(WAYS), damages)


def _script(rng: random.Random) -> str:
    """A script that answers as often as it may: every seventh day, each day, or always."""
    often = rng.choice((":days 7", ":days 1", ":seconds 0"))
    addresses = rng.choice(("", ':addresses ["robot@a.example", "me@example.net"]'))
    subject = rng.choice(("", ':subject "Away"', ':subject "Automatic reply"'))
    handle = rng.choice(("", ':handle "holidays"'))
    sender = rng.choice(("", ':from "Somebody Else <away@example.net>"'))
    text = f":mime {_PART}" if rng.random() < 0.5 else _TEXT
    return f"{_REQUIRED}vacation {often} {addresses} {subject} {handle} {sender} {text};\n"


class Holidays:
    """The installation, and the Dovecot of its users."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.relay = RelayServer()
        self.relay.start()
        self.house = House(folder / "a", template, self.relay, "a.example", [])
        self.dovecot = Dovecot(relay_port=self.relay.port)
        self.dovecot.start()

    def __enter__(self) -> Holidays:
        return self

    def __exit__(self, *exc: object) -> None:
        self.dovecot.__exit__(*exc)
        self.house.close()
        self.relay.stop()

    def play(self, absence: Absence) -> dict[str, list[Carried]]:
        """Each of the people writes one mail; answers what then went between each of them and us until it was quiet.

        Raises AssertionError when it does not become quiet.
        """
        for person in absence.people:
            self.house.admit(person)
            self.dovecot.script(person, absence.script)
        self.house.answers_by(absence.way)
        self.house.rest()
        post = Post(self.relay, self._places(absence), absence.damages)
        for number, person in enumerate(absence.people):
            raw = make_mail(f"holiday {absence.seed} {number}", sender=person, to=None)
            post.deliver(Carried.of(raw, person, "book@a.example"))
        for _ in range(MOST_ROUNDS):
            self.house.work()
            if not post.carry() + post.carry():  # a vacation answers while its mail is delivered
                return {person: [mail for mail in post.carried if _concerns(mail, person)] for person in absence.people}
        raise AssertionError(f"no end: {absence}")

    def _places(self, absence: Absence) -> dict[str, Place]:
        house = dict.fromkeys((self.house.address, "book@a.example", "postmaster@a.example"), self.house.take)
        return {**house, **dict.fromkeys(absence.people, self._away)}

    def _away(self, mail: Carried) -> None:
        self.dovecot.deliver(mail.recipient, mail.reverse_path, mail.raw)


def _concerns(mail: Carried, person: str) -> bool:
    """Whether a mail went to this person, or came from there."""
    return mail.recipient == person or person in " ".join(mail.named("from"))
