"""Thousands of attacks on signed mail: none is believed, and what may still be believed shows exactly what was signed."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from tests.attacks.attacks import TRICKS, Attack, attacks
from tests.attacks.campaign import VERIFIERS, Tally, attack_with
from tests.attacks.cast import Cast
from tests.attacks.letters import Signed

FEWEST = 5000
SLICE = 20  # every so many-th attack is played with the slow verifiers too; `make attacks` plays them all
PIECES = 4


@pytest.mark.parametrize("piece", range(PIECES))
def test_no_attack_succeeds(piece: int, cast: Cast, known: list[Signed], attacking: list[Attack]) -> None:
    """All attacks, in pieces, with the verifier that is fast."""
    tally = attack_with(attacking[piece::PIECES], cast, VERIFIERS["sequoia"](), known)
    assert tally.wrong == []
    assert len(tally.mails) >= FEWEST // PIECES


@pytest.mark.parametrize("name", ["gnupg", "both"])
def test_no_attack_succeeds_with_another_verifier(name: str, cast: Cast, known: list[Signed], attacking: list[Attack]) -> None:
    """A fixed part of the attacks, with GnuPG alone and with two verifiers that must agree."""
    tally = attack_with(attacking[::SLICE], cast, VERIFIERS[name](), known)
    assert tally.wrong == []
    assert len(tally.mails) >= FEWEST // SLICE


def test_an_attack_is_the_same_whenever_it_is_made(cast: Cast, known: list[Signed], attacking: list[Attack]) -> None:
    """Its number makes its mail, so that one that is found can be played again; no two of them are one mail."""
    assert len({hashlib.sha256(attack.mail(cast).raw).digest() for attack in attacking[::7]}) == len(attacking[::7])
    assert [attack.name for attack in attacks(known)] == [attack.name for attack in attacking]
    assert all(attack.mail(cast).raw == attack.mail(cast).raw for attack in attacking[::97])


def test_each_trick_is_played_alone_and_with_others(attacking: list[Attack]) -> None:
    """No trick is forgotten, and each of them meets tricks of other kinds."""
    alone = Counter(attack.tricks[0] for attack in attacking if len(attack.tricks) == 1)
    paired = Counter(trick for attack in attacking if len(attack.tricks) == 2 for trick in attack.tricks)
    assert set(alone) == set(TRICKS)
    assert set(paired) == set(TRICKS)
    assert len({(trick.id, trick.form) for trick in TRICKS}) == len(TRICKS)


def believed(tally: Tally, attacking: list[Attack]) -> float:
    """The share of attacks that may be believed and are."""
    hopeful = sum(not attack.hopeless for attack in attacking)
    return sum(number for (_, end), number in tally.ends.items() if end == "as signed") / hopeful


def test_changes_that_do_no_harm_are_forgiven(cast: Cast, known: list[Signed], attacking: list[Attack]) -> None:
    """Of the mails whose body is still as it was signed most are believed: the others were not refused by refusing all."""
    alone = [attack for attack in attacking if attack.tricks[-1].family == "header" and len(attack.tricks) == 1]
    tally = attack_with(alone, cast, VERIFIERS["sequoia"](), known)
    assert believed(tally, alone) > 0.8
