"""Where we do something else than Launchpad, on purpose, and no other test shows it (docs/behaviour/incoming.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from mailproc import Delivery, Trust, handler
from mailproc.directory import RegisteredKey, User
from mailproc.envelope import Envelope
from mailproc.openpgp import SignedPart, Verification
from mailproc.pipeline import Binding, Site, examine
from mailproc.reading import read_message
from mailproc.registry import Registry
from mailproc.testing import PostOffice, SigningKey, make_mail


@pytest.mark.parametrize("returned", [None, True, False, "handled", "OK"])
def test_what_is_no_outcome_is_an_oops(office: PostOffice, returned: object) -> None:
    """A forgotten return is no success, and neither is True: the mail has failed, and its effects are undone (promise 10)."""

    @handler()
    def forgetful(delivery: Delivery) -> object:
        return returned

    office.bind("forgetful.example.org", forgetful)
    delivered = office.deliver(make_mail(to="x@forgetful.example.org", text="Hello"))
    assert delivered.disposition == "failed"
    assert delivered.oops is not None and f"returned {type(returned).__name__}, not an Outcome" in delivered.oops
    (told,) = delivered.sent
    assert (told.to, told.subject) == ("ann@example.com", "Your mail could not be processed")


class NobodyAsks:
    """A register and a verifier that must not be asked for keys and signatures."""

    def user_of(self, address: object) -> User | None:
        """Everybody is Ann."""
        return User("ann")

    def keys_of(self, user: str) -> Sequence[RegisteredKey]:
        """Not to be asked."""
        raise AssertionError("keys were looked up")

    def keys_named(self, issuer: str) -> Sequence[RegisteredKey]:
        """Not to be asked."""
        raise AssertionError("keys were looked up")

    def verify(self, part: SignedPart, certificates: Sequence[bytes]) -> Verification:
        """Not to be asked."""
        raise AssertionError("a signature was verified")


def test_a_mail_that_nobody_serves_starts_no_gpg(ann_key: SigningKey) -> None:
    """Launchpad asks who sent a mail before it asks for whom it is; an unroutable one costs us no process (promise 7)."""
    raw = make_mail(to="desk@nowhere.example.org", text="Hello\n", key=ann_key)
    nobody = NobodyAsks()
    registry: Registry[Binding] = Registry()
    site = Site(registry, nobody, nobody, "robot.example.org", 1_000_000)
    envelope = Envelope(None, "desk@nowhere.example.org", raw)
    seen = examine(envelope, read_message(raw), size=len(raw), arrival=datetime.now(UTC), site=site)
    assert seen.outcome is not None
    assert (seen.outcome.disposition, seen.outcome.rule, seen.user) == ("failed", "route.no-handler", User("ann"))


def test_a_backlog_is_as_fresh_as_it_was(office: PostOffice, letters: list[Delivery], ann_key: SigningKey) -> None:
    """A signed mail whose handler was away for three days still counts, because it is compared with its arrival (promise 1)."""
    away = True

    @handler(requires=Trust.STRONG)
    def late(delivery: Delivery) -> object:
        letters.append(delivery)
        return delivery.defer("the tide") if away else delivery.handled()

    office.bind("late.example.org", late)
    delivered = office.deliver(make_mail(to="x@late.example.org", text="Hello\n", key=ann_key))
    assert delivered.disposition == "deferred"
    away = False
    assert office.retry(delivered, after=timedelta(days=3)).disposition == "handled"
    assert [letter.sender.trust for letter in letters] == [Trust.STRONG, Trust.STRONG]
