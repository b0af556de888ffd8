"""Valid signed mail of all mail programs is strong: what protects from attacks refuses nobody who signs properly."""

from __future__ import annotations

import pytest

from tests.attacks.campaign import VERIFIERS, welcome_all
from tests.attacks.cast import Cast
from tests.attacks.programs import PROGRAMS
from tests.attacks.valid import Valid

FEWEST = 1000
SLICE = 20


def test_every_valid_mail_is_strong(mails: list[Valid], cast: Cast) -> None:
    """Each is believed, and shows exactly what was signed."""
    tally = welcome_all(mails, cast, VERIFIERS["sequoia"]())
    assert tally.wrong == []
    assert len(tally.mails) >= FEWEST


@pytest.mark.parametrize("name", ["gnupg", "both"])
def test_valid_mails_are_strong_with_another_verifier(name: str, mails: list[Valid], cast: Cast) -> None:
    """A fixed part of them, with GnuPG alone and with two verifiers that must agree."""
    assert welcome_all(mails[::SLICE], cast, VERIFIERS[name]()).wrong == []


def test_the_programs_are_there(mails: list[Valid]) -> None:
    """Every program has written mails by several makers of signatures, and there are clear-signed ones."""
    assert {mail.program for mail in mails} == {program.name for program in PROGRAMS} | {"clear-signed"}
    assert {mail.signed.signer for mail in mails} == {"ann", "bob", "carol"}
