"""Two installations that know each other as users, and answer everything: the worst that can meet (class B55).

::

    with Pair(tmp_path, template) as pair:
        mails = pair.play(Story.of(seed=7))
        assert len(mails) <= 2
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from tests.installation import SENDER, DovecotBox, make_mail
from tests.loops.handlers import WAYS
from tests.loops.houses import MAX_SIZE, House
from tests.loops.post import DAMAGES, Carried, Place, Post
from tests.servers.relay import RelayServer

MOST_ROUNDS = 12
STARTS = ("forged", "alias", "too-big", "nobody-serves")

# Each of them alone tells one mailproc that another one has answered. Who takes away all of them leaves a mail of a person.
TELLING = ("auto-submitted", "suppress", "reverse-path", "x-loop", "message-id")


def tells(damages: frozenset[str]) -> bool:
    """Whether a sign is left by which a foreign responder is known."""
    path_is_gone = bool(damages & {"reverse-path", "return-path"})
    marks_are_gone = {"auto-submitted", "suppress", "x-loop", "message-id"} <= damages
    return "precedence" in damages or not (marks_are_gone and path_is_gone)


@dataclass(frozen=True, slots=True)
class Story:
    """How an exchange begins, how both answer, and what the way between them does to their mail.

    ``forged``, ``too-big`` and ``nobody-serves`` begin with a mail in the name of the other installation; ``alias`` with one of
    a person whose address leads into the other's maildrop.
    """

    seed: int
    start: str = "forged"
    ways: tuple[str, str] = ("reply", "reply")
    damages: frozenset[str] = frozenset()

    @classmethod
    def of(cls, seed: int) -> Story:
        """The story of this seed; its damages leave at least one sign of an answer."""
        rng = random.Random(seed)
        damages = {damage for damage in DAMAGES if rng.random() < rng.choice((0.2, 0.5, 0.8))}
        while not tells(frozenset(damages)):
            damages -= {rng.choice((*TELLING, "return-path"))}
        ways = (rng.choice(WAYS), rng.choice(WAYS))
        return cls(seed, rng.choice(STARTS), ways, frozenset(damages))


class Pair:
    """The two, on one relay, and the post between them; ``ours`` is asked first. Their maildrops may be on a Dovecot."""

    def __init__(self, folder: Path, template: Path, boxes: tuple[DovecotBox, DovecotBox] | None = None) -> None:
        self.relay = RelayServer()
        self.relay.start()
        ours, theirs = boxes or (None, None)
        self.ours = House(folder / "a", template, self.relay, "a.example", ["robot@b.example"], ours)
        self.theirs = House(folder / "b", template, self.relay, "b.example", ["robot@a.example"], theirs)
        self.houses = (self.ours, self.theirs)
        self.post = Post(self.relay, {})

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *exc: object) -> None:
        for house in self.houses:
            house.close()
        self.relay.stop()

    def play(self, story: Story, *, rounds: int = MOST_ROUNDS, work: Callable[[House], object] = House.work) -> list[Carried]:
        """Deliver the first mail, and let both work by turns until nothing is on its way; answers what went between them.

        Raises AssertionError when it is not quiet after so many rounds.
        """
        self.post = Post(self.relay, self._places(story), story.damages)
        for house, way in zip(self.houses, story.ways, strict=True):
            house.answers_by(way)
            house.rest()
        self.post.deliver(self._first(story))
        quiet = 0
        for house, _ in zip(cycle(self.houses), range(rounds), strict=False):
            work(house)
            quiet = 0 if self.post.carry() else quiet + 1
            if quiet == len(self.houses):
                return self.post.carried
        raise AssertionError(f"{len(self.post.carried)} mails and no end: {story}")

    def _places(self, story: Story) -> dict[str, Place]:
        served = {name: house.take for house in self.houses for name in (house.address, f"book@{house.domain}")}
        alias = {SENDER: self.theirs.take} if story.start == "alias" else {}
        return {**served, **alias, "book@unserved.example": self.ours.take}

    def _first(self, story: Story) -> Carried:
        sender = SENDER if story.start == "alias" else self.theirs.address
        to = "book@unserved.example" if story.start == "nobody-serves" else f"book@{self.ours.domain}"
        text = "x" * (MAX_SIZE if story.start == "too-big" else 10)
        return Carried.of(make_mail(f"story {story.seed} {story.start}", sender=sender, to=None, text=text), sender, to)
