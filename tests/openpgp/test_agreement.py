"""Two verifiers must agree, or nobody is let in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from mailproc.openpgp import Finding, SignedPart, Verification
from mailproc.openpgp.agreement import Both

PART = SignedPart(b"", b"", 1, True, ())
AT = datetime(2026, 11, 21, tzinfo=UTC)
GOOD = Verification(Finding.GOOD, "A" * 40, AT, "good signature")


@dataclass
class Saying:
    """A verifier with one answer, which counts how often it is asked."""

    answer: Verification
    asked: int = 0

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """The answer."""
        self.asked += 1
        return self.answer


def ask(first: Verification, second: Verification) -> Verification:
    """What both say together; both are asked once."""
    both = Both(Saying(first), Saying(second))
    found = both.verify(PART, [])
    assert (both.first.asked, both.second.asked) == (1, 1)
    return found


@pytest.mark.parametrize("first", Finding)
@pytest.mark.parametrize("second", Finding)
def test_every_pair_of_findings(first: Finding, second: Finding) -> None:
    """The same is found, or one cannot tell, or they disagree; GOOD only when both say so."""
    answers = [replace(GOOD, finding=each) for each in (first, second)]
    found = ask(*answers)
    if Finding.CANNOT_TELL in (first, second):
        assert found.finding is Finding.CANNOT_TELL
    elif first is second:
        assert found == answers[0]
    else:
        assert found.finding is Finding.DISAGREEMENT
        assert (found.fingerprint, found.signed_at) == (None, None)
        assert first in found.detail
        assert second in found.detail
        assert "Saying" in found.detail


@pytest.mark.parametrize(
    "other",
    [
        replace(GOOD, fingerprint="B" * 40),
        replace(GOOD, fingerprint=None),
        replace(GOOD, signed_at=AT + timedelta(seconds=1)),
        replace(GOOD, signed_at=None),
    ],
)
def test_good_is_of_the_same_key_and_time(other: Verification) -> None:
    """Two good signatures of two keys, or of two times, are a disagreement that names both."""
    for first, second in ((GOOD, other), (other, GOOD)):
        found = ask(first, second)
        assert found.finding is Finding.DISAGREEMENT
        assert f"finds good ({GOOD.fingerprint} at 2026-11-21T00:00:00Z)" in found.detail
        assert "\n" not in found.detail


def test_words_need_not_agree() -> None:
    """The detail is each verifier's own, and so is a part of a second."""
    assert ask(GOOD, replace(GOOD, detail="fine", signed_at=AT + timedelta(milliseconds=9))) == GOOD
    altered = Verification(Finding.ALTERED, detail="cut")
    assert ask(altered, replace(altered, detail="longer")) == altered
