"""A vacation responder, Dovecot's own, among those whom we answer: it hears us, and we do not hear it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loops.post import DAMAGES
from tests.loops.vacation import Absence, Holidays

SEEDS = range(40)  # `python -m benchmarks.loops` tries 200 and more
ALWAYS = 'require ["vacation", "vacation-seconds"]; vacation :seconds 0 "I am away.";'


@pytest.fixture(scope="module")
def holidays(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Holidays]:
    """An installation, and a Dovecot that answers for those who are away."""
    with Holidays(tmp_path_factory.mktemp("holidays"), sqlite_template) as holidays:
        yield holidays


def test_at_most_two_mails_for_each_who_is_away(holidays: Holidays) -> None:
    """Whatever the script says and the gateways damage: our answer, perhaps one of the responder, and no more."""
    for seed in SEEDS:
        absence = Absence.of(seed)
        for person, mails in holidays.play(absence).items():
            assert 1 <= len(mails) <= 2, (person, absence)


def test_a_vacation_answers_nothing_of_ours(holidays: Holidays) -> None:
    """It obeys the null reverse path and Auto-Submitted (RFC 5230 section 4.6): there is our answer alone."""
    for number, way in enumerate(("reply", "reject", "crash")):
        (mails,) = holidays.play(Absence(1000 + number, (f"plain{number}@example.com",), ALWAYS, way, frozenset())).values()
        assert [mail.reverse_path for mail in mails] == [""]


def test_a_vacation_that_cannot_know_us_is_not_answered(holidays: Holidays) -> None:
    """Where a gateway has made our answer a person's, the responder does answer, each time; we drop that by its marks."""
    damages = frozenset(DAMAGES) - {"precedence", "subject"}
    (mails,) = holidays.play(Absence(2000, ("blind@example.com",), ALWAYS, "reply", damages)).values()
    assert [mail.recipient for mail in mails] == ["blind@example.com", "postmaster@a.example"]
    receipts = [receipt for receipt in holidays.house.installation.receipts() if receipt.sender == "blind@example.com"]
    assert sorted(receipt.rule for receipt in receipts) == ["bulk.precedence", "human"]
