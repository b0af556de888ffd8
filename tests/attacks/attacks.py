"""Every attack of a campaign: each trick alone on several contents, then the tricks in pairs, from one fixed seed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

from tests.attacks import on_bodies, on_letters, on_signatures
from tests.attacks.cast import Cast
from tests.attacks.letters import FORMS, Letter, Signed, top_of, usual
from tests.attacks.trick import Trick

SEED = 20261121
ALONE = 6  # contents on which each trick is played alone
EVERYWHERE = "other-form"  # it depends on the content alone, so that these are played on all of them
PAIRS = 4000
TRICKS = (*on_signatures.TRICKS, *on_bodies.TRICKS, *on_letters.TRICKS)


@dataclass(frozen=True)
class Attack:
    """A content that was signed, and the tricks that are played with it; the same number makes the same mail."""

    number: int
    signed: Signed
    tricks: tuple[Trick, ...]

    @property
    def family(self) -> str:
        """The families of its tricks."""
        return "+".join(sorted({trick.family for trick in self.tricks}))

    @property
    def name(self) -> str:
        """What tells a person how to play it again."""
        return f"{self.number}: {' + '.join(trick.id for trick in self.tricks)} ({self.signed.form})"

    @property
    def hopeless(self) -> bool:
        """Whether the mail must not be strong; the others may be, if exactly what was signed is seen of them."""
        return any(trick.breaks for trick in self.tricks)

    def mail(self, cast: Cast) -> Letter:
        """The mail: the signature's tricks first, then that with the body, then those with the whole."""
        rng = Random(f"{SEED} {self.number}")
        signed = self.signed
        for trick in self.tricks:
            if trick.on_signed:
                signed = trick.on_signed(rng, cast, signed)
        body = next((trick.on_body(rng, signed) for trick in self.tricks if trick.on_body), None) or usual(signed, rng)
        letter = Letter(top_of(signed.signer, rng), body, signed.signer)
        for trick in self.tricks:
            if trick.on_letter:
                letter = trick.on_letter(rng, letter)
        return letter


def attacks(known: list[Signed]) -> list[Attack]:
    """All of them, on what the authors have signed; the seed and the contents' order make them."""
    rng, number = Random(SEED), count()
    fitting = {form: [trick for trick in TRICKS if trick.form in ("", form)] for form in FORMS}
    found = []
    for trick in TRICKS:
        contents = [each for each in known if trick.form in ("", each.form)]
        found += [
            Attack(next(number), each, (trick,))
            for each in (contents if trick.family == EVERYWHERE else rng.sample(contents, ALONE))
        ]
    for _ in range(PAIRS):
        each = rng.choice(known)
        pair = sorted(rng.sample(fitting[each.form], 2), key=lambda trick: trick.family == "altered")
        if not _is_undone(*pair):
            found.append(Attack(next(number), each, tuple(pair)))
    return found


def _is_undone(first: Trick, second: Trick) -> bool:
    """Whether the second trick makes anew what the first one has bent."""
    if first.on_letter or second.on_letter:
        return first.family == second.family == "from"
    return bool(first.on_body and second.on_body) or bool(first.on_signed and second.on_signed and second.family != "altered")
