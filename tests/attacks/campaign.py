"""All attacks, or a part of them, and all valid mails, played against one verifier, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mailproc.openpgp import Verifier
from mailproc.openpgp.agreement import Both
from mailproc.openpgp.gnupg import GnupgVerifier
from mailproc.openpgp.sequoia import SequoiaVerifier
from tests.attacks.attacks import Attack
from tests.attacks.cast import Cast
from tests.attacks.judge import judge, welcome
from tests.attacks.letters import Signed
from tests.attacks.valid import Valid

PAIRED = "in pairs"
VERIFIERS: dict[str, Callable[[], Verifier]] = {
    "gnupg": GnupgVerifier,
    "sequoia": SequoiaVerifier,
    "both": lambda: Both(GnupgVerifier(), SequoiaVerifier()),
}


@dataclass
class Tally:
    """How many mails of each family ended how, how many different mails there were, and what was wrong with which."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: set[bytes] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def of(self, family: str) -> dict[str, int]:
        """How the mails of a family ended."""
        return {end: number for (named, end), number in self.ends.items() if named == family}

    @property
    def families(self) -> list[str]:
        """All families, in the order in which they came."""
        return list(dict.fromkeys(family for family, _ in self.ends))


def attack_with(attacks: Iterable[Attack], cast: Cast, verifier: Verifier, known: Sequence[Signed]) -> Tally:
    """What became of attacks."""
    tally = Tally()
    for attack in attacks:
        judgement = judge(attack, cast, verifier, known)
        tally.ends[attack.family if len(attack.tricks) == 1 else PAIRED, judgement.end] += 1
        tally.mails.add(judgement.sha256)
        if judgement.wrong:
            tally.wrong.append(f"{attack.name}: {judgement.wrong}")
    return tally


def welcome_all(mails: Iterable[Valid], cast: Cast, verifier: Verifier) -> Tally:
    """What became of valid mails."""
    tally = Tally()
    for mail in mails:
        wrong = welcome(mail, cast, verifier)
        tally.ends[mail.program, "refused" if wrong else "strong"] += 1
        tally.mails.add(mail.raw)
        if wrong:
            tally.wrong.append(f"{mail.program}: {wrong}")
    return tally
