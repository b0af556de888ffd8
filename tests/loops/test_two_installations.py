"""Two installations that answer each other (classes B55, B56, B57): real ones, on a real relay, with bad gateways between."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path

import pytest

from mailproc.answers import RATE_LIMIT
from tests.installation import SENDER, DovecotBox, make_mail
from tests.loops.houses import House
from tests.loops.pair import Pair, Story, tells
from tests.loops.post import DAMAGES, Carried, Post
from tests.servers.dovecot import Dovecot
from tests.servers.relay import RelayServer

SEEDS = range(40)  # `python -m benchmarks.loops` tries 200 and more
MARKS = ("auto-submitted", "suppress", "reverse-path", "x-loop", "message-id")
EVERY_LOSS = [frozenset(lost) for lost in chain.from_iterable(combinations(MARKS, n) for n in range(len(MARKS) + 1))]


def test_b55_two_installations_that_answer_everything(pair: Pair) -> None:
    """However a story begins, whatever both answer: where a gateway leaves one sign of an answer, two mails are the most."""
    for seed in SEEDS:
        story = Story.of(seed)
        assert 1 <= len(pair.play(story)) <= 2, story


def test_b55_any_one_mark_of_an_answer_is_enough(pair: Pair) -> None:
    """Null path, Auto-Submitted, X-Auto-Response-Suppress, X-Loop or our Message-ID: whichever is left, there is one mail."""
    told = [lost for lost in EVERY_LOSS if tells(lost)]
    assert len(told) == 31
    for serial, lost in enumerate(told):
        assert len(pair.play(Story(1000 + serial, damages=lost))) == 1, lost


def test_b55_without_any_mark_the_rate_ends_it(pair: Pair) -> None:
    """A gateway that makes our answers mails of a known person has each side answer as often as it may in an hour, not more."""
    assert not tells(frozenset(MARKS))
    assert len(pair.play(Story(2000, damages=frozenset(MARKS)), rounds=100)) == 2 * RATE_LIMIT
    answers = {receipt.answer for house in pair.houses for receipt in house.installation.receipts()}
    assert "answer suppressed: rate" in answers


@pytest.mark.parametrize("ways", [("reply", "reject"), ("crash", "reply")], ids="-".join)
def test_b55_real_runs_on_a_real_dovecot(
    tmp_path: Path, sqlite_template: Path, dovecot: Dovecot, user: str, ways: tuple[str, str]
) -> None:
    """``mailproc handle`` of both, run by turns on IMAP, comes to rest in the same way."""
    boxes = DovecotBox(dovecot, f"{user}-a"), DovecotBox(dovecot, f"{user}-b")
    with Pair(tmp_path, sqlite_template, boxes) as pair:
        mails = pair.play(Story(1, ways=ways, damages=frozenset(DAMAGES) - {"suppress", "precedence"}), work=run)
        assert [mail.recipient for mail in mails] == ["robot@b.example"]
        assert [house.installation.left_in_maildrop() for house in pair.houses] == [[], []]
        assert pair.theirs.installation.receipts()[0].answer == "answer suppressed: X-Auto-Response-Suppress"


def run(house: House) -> None:
    """One run in a process of its own."""
    assert house.installation.run().returncode == 0


@pytest.fixture
def house(tmp_path: Path, sqlite_template: Path, relay: RelayServer) -> Iterator[House]:
    """One installation, of which ann@example.com is a user."""
    house = House(tmp_path / "a", sqlite_template, relay, "a.example", [])
    yield house
    house.close()


def correspond(house: House, way: str, header: str = "") -> int:
    """Ann writes once; her program answers whatever comes, at once, each time under a new Message-ID and with this ``header``.

    How many answers of ours it got.
    """

    def respond(mail: Carried) -> None:
        answer = make_mail(f"answer {len(post.carried)}", to=None, header=header)
        post.deliver(Carried.of(answer, SENDER, house.address))

    house.answers_by(way)
    post = Post(house.relay, {SENDER: respond, house.address: house.take, "book@a.example": house.take})
    post.deliver(Carried.of(make_mail("1", to=None), SENDER, "book@a.example"))
    for _ in range(3 * RATE_LIMIT):
        house.work()
        if not post.carry():
            return len(post.carried)
    raise AssertionError("they go on for ever")


@pytest.mark.parametrize("way", ["reject", "crash"])
def test_b56_a_marked_answer_to_each_error_mail_gets_none(house: House, way: str) -> None:
    """A program that answers our error mails and says what it is (RFC 3834 section 5) hears from us once."""
    assert correspond(house, way, "Auto-Submitted: auto-replied") == 1


@pytest.mark.parametrize("way", ["reject", "crash"])
def test_b56_an_unmarked_answer_to_each_error_mail_is_bounded(house: House, way: str) -> None:
    """One that looks like a person, each time under a fresh Message-ID, is answered as often as a person, and then no more."""
    assert correspond(house, way) == RATE_LIMIT


@pytest.mark.parametrize("lost", [frozenset(), *map(frozenset, combinations(MARKS, 4)), frozenset(MARKS)], ids=len)
def test_b57_an_alias_that_leads_back_to_us(house: House, lost: frozenset[str]) -> None:
    """What we answer to an address that is an alias of our own maildrop is not answered again, whatever marks are lost."""
    post = Post(house.relay, dict.fromkeys((SENDER, house.address, "book@a.example"), house.take), lost)
    post.deliver(Carried.of(make_mail("1", to=None), SENDER, "book@a.example"))
    for _ in range(4):
        house.work()
        post.carry()
    assert [mail.recipient for mail in post.carried] == [SENDER]
    assert house.box.left() == []


def test_b57_our_own_address_as_a_user_of_ours(house: House) -> None:
    """A mail forged in our own name gets no answer, even where somebody has registered that address as a user's."""
    house.admit(house.address)
    post = Post(house.relay, {house.address: house.take})
    for number, sender in enumerate((house.address, "Robot@A.example", "robot+1@a.example")):
        post.deliver(Carried.of(make_mail(str(number), sender=sender, to=None), sender, house.address))
    house.work()
    assert (post.carry(), post.lost, house.installation.outbox()) == (0, [], [])
    assert "answer suppressed: our own address" in {receipt.answer for receipt in house.installation.receipts()}
