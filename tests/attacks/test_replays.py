"""A signature counts once: the same one in another mail is no second word of its author's."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.testing import PostOffice
from tests.attacks.attacks import TRICKS, Attack
from tests.attacks.cast import Cast
from tests.attacks.letters import Signed

DESK = "desk@desk.example.org"
HARMLESS = [trick for trick in TRICKS if not trick.breaks and not trick.on_signed]


@pytest.fixture
def letters() -> list[Delivery]:
    """What the handler was given, in order."""
    return []


@pytest.fixture
def office(letters: list[Delivery], cast: Cast) -> Iterator[PostOffice]:
    """A post office whose handler takes everybody's mail, and where the authors are users."""

    @handler(requires=Trust.NONE)
    def desk(delivery: Delivery) -> Outcome:
        letters.append(delivery)
        return delivery.handled()

    with PostOffice(now=cast.now) as office:
        office.bind("desk.example.org", desk)
        for name, key in cast.homes.items():
            office.user(name, f"{name}@example.org", key=key)
        yield office


@pytest.mark.parametrize("form", ["mime", "clear"])
def test_a_signature_in_another_mail_is_dropped(
    form: str, office: PostOffice, letters: list[Delivery], known: list[Signed], cast: Cast
) -> None:
    """Whatever is done to the header, the armor or the form of a mail that was strong: it is not strong a second time."""
    signed = next(each for each in known if each.form == form)
    tricks = [trick for trick in HARMLESS if trick.form in ("", form)]
    assert len(tricks) > 40
    first = office.deliver(Attack(-1, signed, ()).mail(cast).raw, to=DESK)
    assert first.disposition == "handled"
    again = [office.deliver(Attack(number, signed, (trick,)).mail(cast).raw, to=DESK) for number, trick in enumerate(tricks)]
    assert sum(delivered.rule == "replay" for delivered in again) > len(tricks) // 2
    assert [letter.sender.trust for letter in letters].count(Trust.STRONG) == 1
    assert not any(delivered.sent for delivered in again if delivered.rule == "replay")


def test_an_unsigned_part_of_the_signature_makes_no_new_one(
    office: PostOffice, letters: list[Delivery], known: list[Signed], cast: Cast
) -> None:
    """What stands in the signature packet without being signed can be changed by anybody, and does not help."""
    signed = known[0]
    office.deliver(Attack(-1, signed, ()).mail(cast).raw, to=DESK)
    (marker,) = [trick for trick in TRICKS if trick.id == "packets.a-marker-first"]
    (legacy,) = [trick for trick in TRICKS if trick.id == "packets.legacy-form"]
    for number, trick in enumerate((marker, legacy)):
        raw = Attack(number, signed, (trick,)).mail(cast).raw
        assert office.deliver(raw, to=DESK).rule == "replay"
    assert len(letters) == 1


def test_each_signature_counts(office: PostOffice, letters: list[Delivery], known: list[Signed], cast: Cast) -> None:
    """Two contents of one author are two words, and so is one content that two authors sign."""
    sample = Random(1).sample(known, 6)
    for signed in sample:
        office.deliver(Attack(-1, signed, ()).mail(cast).raw, to=DESK)
    assert [letter.sender.trust for letter in letters] == [Trust.STRONG] * len(sample)
