"""Errands: what a handler wants done elsewhere is done after the commit, once, and for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailproc import Away, Delivery, Errand, Intent, Outcome, Rejected, Transient, Trust, handler
from mailproc.database import errands
from mailproc.database.tables import errand as table
from mailproc.testing import Delivered, PostOffice, Wanted, make_mail

SHOP, OTHER = "x@shop.example.org", "x@other.example.org"


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class Shop:
    """Wants each line of a mail done; how each ends is told by ``ends``."""

    calls: list[Errand] = field(default_factory=list)
    ends: list[Callable[[Errand], str]] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> Outcome:
        """One intent for each line."""
        lines = delivery.message.text.split()
        return delivery.handled("ordered", send=[delivery.intent({"line": line}, key=line) for line in lines])

    def perform(self, errand: Errand) -> str:
        """End as it is told, or well."""
        self.calls.append(errand)
        return self.ends.pop(0)(errand) if self.ends else f"did {errand.payload['line']}"


def raising(error: BaseException) -> Callable[[Errand], str]:
    """An end that raises."""

    def end(errand: Errand) -> str:
        raise error

    return end


@pytest.fixture
def shop() -> Shop:
    """The handler."""
    return Shop()


@pytest.fixture
def office(shop: Shop) -> Iterator[PostOffice]:
    """An installation that has it."""
    with PostOffice() as office:
        office.bind("shop.example.org", shop)
        yield office


def ordered(office: PostOffice, text: str, to: str = SHOP) -> Delivered:
    """A mail with these words, handled; nothing of it is performed yet."""
    delivered = office.deliver(make_mail(to=to, text=text))
    assert delivered.disposition == "handled", delivered.traceback
    return delivered


def performed(office: PostOffice, delivered: Delivered, *, after: timedelta = timedelta()) -> list[tuple[str, str]]:
    """State and note of each errand of a mail, once time has passed and what is due was carried out."""
    office.now += after
    office.perform()
    return [(wanted.state, wanted.note) for wanted in office.look(delivered).errands]


def test_an_intent_waits_for_the_commit_and_is_carried_out_after_it(office: PostOffice, shop: Shop) -> None:
    """It has the payload, an id that is the same over every try, and the mail as it was received."""
    delivered = ordered(office, "milk")
    assert delivered.errands == (Wanted("milk", {"line": "milk"}, {}, "waiting", "", 0),)
    assert shop.calls == []
    assert performed(office, delivered) == [("done", "did milk")]
    (errand,) = shop.calls
    assert (errand.id, errand.attempt, errand.uncertain, errand.created_at) == (
        f"{delivered.id}.milk",
        1,
        False,
        office.now,
    )
    assert b"milk" in errand.raw
    assert performed(office, delivered, after=timedelta(days=9)) == [("done", "did milk")]
    assert len(shop.calls) == 1


def test_what_is_away_is_tried_again_after_a_minute_then_two(office: PostOffice, shop: Shop) -> None:
    """The same errand comes again, with a higher attempt."""
    shop.ends.extend([raising(Transient("the cow"))] * 2)
    delivered = ordered(office, "milk")
    assert performed(office, delivered) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(seconds=59)) == [("waiting", "the cow")]
    assert len(shop.calls) == 1
    assert performed(office, delivered, after=timedelta(seconds=1)) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(seconds=119)) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(seconds=1)) == [("done", "did milk")]
    assert [(errand.id, errand.attempt, errand.uncertain) for errand in shop.calls] == [
        (f"{delivered.id}.milk", n, False) for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("asked", "waits"), [(600.0, 600), (5.0, 60), (1e9, 3600), (-1.0, 60), (float("inf"), 3600), (float("nan"), 60)]
)
def test_what_is_away_may_say_for_how_long(office: PostOffice, shop: Shop, asked: float, waits: int) -> None:
    """At least as long as we would wait, and an hour at most."""
    shop.ends.extend([raising(Transient("the cow", after=asked))])
    delivered = ordered(office, "milk")
    assert performed(office, delivered) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(seconds=waits - 1)) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(seconds=1)) == [("done", "did milk")]


def test_where_all_is_away_the_others_of_the_handler_wait_too(office: PostOffice, shop: Shop) -> None:
    """A service that is away is asked once in a run, and nothing counts as tried that was not; other handlers go on."""
    other = Shop()
    office.bind("other.example.org", _Named(other))
    shop.ends.extend([raising(Away("the cow"))])
    first, second, elsewhere = ordered(office, "milk cream"), ordered(office, "butter"), ordered(office, "ink", OTHER)
    assert performed(office, first) == [("waiting", "the cow")] * 2
    assert performed(office, second) == [("waiting", "the cow")]
    assert len(shop.calls) == 1
    assert performed(office, elsewhere) == [("done", "did ink")]
    assert performed(office, first, after=timedelta(minutes=1)) == [("done", "did milk"), ("done", "did cream")]
    assert [(errand.payload["line"], errand.attempt) for errand in shop.calls] == [
        ("milk", 1), ("milk", 2), ("cream", 1), ("butter", 1),
    ]  # fmt: skip


def test_after_a_long_time_away_all_is_done_in_order(office: PostOffice, shop: Shop) -> None:
    """Who was tried in vain most often is the oldest, and comes as soon as its time has come; the others wait for a minute."""
    shop.ends.extend([raising(Away("the cow"))] * 3)
    mails = [ordered(office, f"line{number}") for number in range(5)]
    for _ in range(3):
        performed(office, mails[0], after=timedelta(minutes=1))
    tried = len(shop.calls)
    for _ in range(4):
        performed(office, mails[0], after=timedelta(minutes=1))
    assert [errand.payload["line"] for errand in shop.calls[:tried]] == ["line0"] * 2 + ["line1"]
    assert [errand.payload["line"] for errand in shop.calls[tried:]] == [f"line{number}" for number in range(5)]


def test_what_one_errand_lacks_holds_up_no_other(office: PostOffice, shop: Shop) -> None:
    """A text that a service cannot take now is no reason to keep others from it."""
    shop.ends.extend([raising(Transient("this very glass", after=3600))])
    delivered = ordered(office, "milk cream")
    assert performed(office, delivered) == [("waiting", "this very glass"), ("done", "did cream")]


def test_a_run_does_not_carry_out_errands_for_ever(office: PostOffice, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maildrops wait for the end of the run; what is left over is done by the next."""
    monkeypatch.setattr("mailproc.processing.performing.SECONDS", -1.0)
    delivered = ordered(office, "milk")
    assert performed(office, delivered) == [("waiting", "")]
    monkeypatch.undo()
    assert performed(office, delivered) == [("done", "did milk")]


def test_what_has_failed_is_tried_again_when_somebody_says_so(office: PostOffice, shop: Shop) -> None:
    """It has its four days anew, and is the same errand."""
    shop.ends.extend([raising(Rejected("no such shop"))])
    delivered = ordered(office, "milk")
    assert performed(office, delivered) == [("failed", "no such shop")]
    office.now += timedelta(days=9)
    with office.session() as session:
        assert errands.failed_receipts(session.connection()) == [delivered.id]
        assert errands.try_again(session.connection(), delivered.id, office.now)
        assert not errands.try_again(session.connection(), delivered.id, office.now)
    shop.ends.extend([raising(Transient("the cow"))])
    assert performed(office, delivered) == [("waiting", "the cow")]
    assert len({(errand.id, errand.created_at) for errand in shop.calls}) == 1


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class _Named:
    """The same under another name."""

    shop: Shop

    def __call__(self, delivery: Delivery) -> Outcome:
        return self.shop(delivery)

    def perform(self, errand: Errand) -> str:
        return self.shop.perform(errand)


def test_what_is_refused_for_good_is_over_without_an_oops(office: PostOffice, shop: Shop) -> None:
    """`Rejected` is an answer of the other side, and no bug."""
    shop.ends.extend([raising(Rejected("no such shop"))])
    delivered = ordered(office, "milk cream")
    assert performed(office, delivered) == [("failed", "no such shop"), ("done", "did cream")]
    assert oopses(office) == []


@pytest.mark.parametrize("end", [raising(KeyError("cow")), raising(SystemExit(0)), lambda errand: None])
def test_a_bug_is_over_with_an_oops(office: PostOffice, shop: Shop, end: Callable[[Errand], str]) -> None:
    """A bug costs its own errand, whatever it raises; so does a forgotten note."""
    shop.ends.extend([end])
    delivered = ordered(office, "milk cream")
    ((state, note), after) = performed(office, delivered)
    assert (state, after) == ("failed", ("done", "did cream"))
    assert note.endswith(" in the handler")
    assert len(oopses(office)) == 1


def test_after_four_days_it_has_failed_loudly(office: PostOffice, shop: Shop) -> None:
    """What waits for ever is somebody's business."""
    shop.ends.extend([raising(Transient("the cow"))] * 3)
    delivered = ordered(office, "milk")
    performed(office, delivered)
    assert performed(office, delivered, after=timedelta(days=3, hours=23)) == [("waiting", "the cow")]
    assert performed(office, delivered, after=timedelta(hours=1)) == [("failed", "still waiting for the cow after 4 days")]
    assert oopses(office) == ["still waiting for the cow after 4 days"]


def test_steps_that_were_noted_are_known_to_the_next_try(office: PostOffice, shop: Shop) -> None:
    """A note is durable at once, also when the try comes to nothing or is a bug."""

    def half(errand: Errand) -> str:
        errand.note("poured", {"glasses": 2})
        assert errand.progress == {"poured": {"glasses": 2}}
        raise Transient("the cow")

    shop.ends.extend([half])
    delivered = ordered(office, "milk")
    performed(office, delivered)
    performed(office, delivered, after=timedelta(minutes=1))
    assert [dict(errand.progress) for errand in shop.calls] == [{"poured": {"glasses": 2}}] * 2
    assert office.look(delivered).errands[0].progress == {"poured": {"glasses": 2}}


def test_a_try_that_ended_without_a_word_makes_the_next_uncertain(office: PostOffice, shop: Shop) -> None:
    """Who died may have done it."""
    delivered = ordered(office, "milk")
    with office.session() as session:
        session.execute(sa.update(table).values(claim=1, starts=1, owner="one that is dead"))
    assert performed(office, delivered) == [("done", "did milk")]
    assert [(errand.attempt, errand.uncertain) for errand in shop.calls] == [(1, True)]


def test_after_three_starts_without_an_end_it_is_set_aside(office: PostOffice, shop: Shop) -> None:
    """An errand that ends the process each time is not started a fourth time."""
    delivered = ordered(office, "milk cream")
    with office.session() as session:
        session.execute(sa.update(table).where(table.c.key == "milk").values(claim=3, starts=3))
    states = performed(office, delivered)
    assert states == [("failed", "gave up after 3 starts without an end"), ("done", "did cream")]
    assert [errand.payload["line"] for errand in shop.calls] == ["cream"]


def test_the_same_intent_of_the_same_message_is_one(office: PostOffice) -> None:
    """One that waits or is done stays as it is; one that has failed is tried again."""
    delivered = ordered(office, "milk")
    with office.session() as session:
        conn = session.connection()

        def again() -> tuple[object, ...]:
            errands.queue(conn, receipt_id=delivered.id, handler="h", intent=Intent({"line": "new"}, "milk"), now=office.now)
            (row,) = errands.errands_of(conn, delivered.id)
            return errands.state_of(row), row.payload, row.starts

        assert again() == ("waiting", '{"line": "milk"}', 0)
        session.execute(sa.update(table).values(done_at=office.now))
        assert again() == ("done", '{"line": "milk"}', 0)
        session.execute(sa.update(table).values(done_at=None, failed_at=office.now, starts=3))
        assert again() == ("waiting", '{"line": "new"}', 0)


def test_a_handler_that_is_gone_is_waited_for(office: PostOffice, shop: Shop) -> None:
    """Who takes a handler out of the configuration by mistake loses nothing."""
    delivered = ordered(office, "milk")
    office.bind("shop.example.org", _Named(shop))
    ((state, note),) = performed(office, delivered)
    assert (state, note) == (
        "waiting",
        "the handler Shop, which is bound to no domain, or carries out nothing any more",
    )
    office.bind("shop.example.org", shop)
    assert performed(office, delivered, after=timedelta(minutes=1)) == [("done", "did milk")]


def test_an_intent_without_who_carries_it_out_is_a_bug(office: PostOffice) -> None:
    """It is found out with the first mail, and not when nothing is ever done."""

    @handler(requires=Trust.NONE)
    def hopeful(delivery: Delivery) -> Outcome:
        return delivery.handled(send=[delivery.intent({})])

    office.bind("other.example.org", hopeful)
    delivered = office.deliver(make_mail(to=OTHER))
    assert delivered.disposition == "failed"
    assert delivered.oops is not None and "no method perform" in delivered.oops


def test_two_intents_of_one_message_are_told_apart(office: PostOffice) -> None:
    """The second would be lost without a word."""

    @handler(requires=Trust.NONE)
    @dataclass(frozen=True)
    class Twice(Shop):
        def __call__(self, delivery: Delivery) -> Outcome:
            return delivery.handled(send=[delivery.intent({"n": 1}), delivery.intent({"n": 2})])

    office.bind("other.example.org", Twice())
    assert "keys that tell them apart" in str(office.deliver(make_mail(to=OTHER)).oops)


@pytest.mark.parametrize("key", ["a b", "a\n", "ä", "x" * 65, "/"])
def test_a_key_is_short_and_plain(key: str) -> None:
    """It becomes a part of the id that the other side is told."""
    with pytest.raises(ValueError, match="key of an intent"):
        Intent({}, key)


def test_a_payload_is_json() -> None:
    """What could not be kept is refused in the handler that made it."""
    with pytest.raises(TypeError):
        Intent({"when": object()})


def oopses(office: PostOffice) -> list[str]:
    """The OOPSes, in words."""
    from mailproc.database.tables import oops

    with office.session() as session:
        return list(session.scalars(sa.select(oops.c.exception).order_by(oops.c.id)))
