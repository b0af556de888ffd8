"""`mailproc deliver` killed at each of its steps, and called twenty times at once: one effect, and a true status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, make_mail
from tests.pipe.mta import KILLED, Mta, Told, told
from tests.processes import wait_for

AFTER = ("after-commit", "receive-before-250")  # what the MTA was not told stands in the ledger
STEPS = ("receive", "attempt", "parse", "handler-half", "before-commit", *AFTER)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    with Installation(tmp_path, database_url) as installation:
        yield installation


@pytest.mark.parametrize("step", STEPS)
def test_killed_it_is_delivered_again(mta: Mta, step: str) -> None:
    """With all that it had started; the MTA comes again, and then there is one effect and a true status."""
    deed, end = ("1 reject", Told(65, "5.6.0 There is no such book.\n")) if step in AFTER else ("1", Told(0, ""))
    assert mta.deliver(make_mail(deed), failpoint=f"{step}:killall").status == KILLED
    assert mta.deliver(make_mail(deed)) == end
    assert mta.installation.effects() == ["1"]
    assert mta.installation.balance().balanced and len(mta.installation.archived()) == 1
    assert len(mta.installation.calls()) == (2 if step in ("handler-half", "before-commit") else 1)


def test_when_its_worker_dies_the_mta_comes_again(mta: Mta) -> None:
    """No second worker is started: an MTA knows how long to wait."""
    assert mta.deliver(make_mail("1"), failpoint="handler-half:kill").status == 75
    assert [receipt.attempts for receipt in mta.installation.receipts()] == [1]
    assert mta.deliver(make_mail("1")) == Told(0, "")
    assert mta.installation.effects() == ["1"]


def test_many_at_once(mta: Mta) -> None:
    """Ten processes at the same time, of which two have the same mail each: nothing is lost, nothing is done twice."""
    mails = [make_mail(str(number)) for number in range(5)] * 2
    ends = [told(process) for process in [mta.begin(raw) for raw in mails]]
    assert {end.status for end in ends} <= {0, 75}
    again = [mta.deliver(raw) for raw, end in zip(mails, ends, strict=True) if end.status]
    assert [end for end in again if end != Told(0, "")] == []
    assert mta.installation.effects() == list("01234")
    assert len(mta.installation.calls()) == 5


def test_while_a_mail_is_in_hand_it_is_not_worked_twice(mta: Mta) -> None:
    """The second one comes again later; what the first one had in hand when it was killed is worked then."""
    first = mta.begin(make_mail("1"), failpoint="parse:hang")
    wait_for(lambda: [receipt.attempts for receipt in mta.installation.receipts()] == [1])
    second = mta.begin(make_mail("1"))
    first.kill()
    assert first.wait(20) == KILLED
    assert told(second) in (Told(0, ""), Told(75, "4.3.0 This mail is being worked on already; try again later\n"))
    assert mta.deliver(make_mail("1")) == Told(0, "")
    assert mta.installation.effects() == ["1"]
    assert len(mta.installation.calls()) == 1
