"""What every kind of maildrop does."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest

from mailproc.errors import SettingsError
from mailproc.maildrops import Maildrop, sequence_set
from mailproc.maildrops.imap import PROCESSED
from tests.maildrops.kinds import FORGETTING, MARKING, Kind

ONE = b"From: ann@example.org\r\nSubject: one\r\n\r\nHello.\r\n"
TWO = b"From: bob@example.org\r\nSubject: two\r\nX-Weird:nospace\r\n\r\n\xff\xfe 8bit\r\n.\r\n"
THREE = b"From: cid@example.org\r\nSubject: three\r\n\r\n)\r\n* 1 FETCH (UID 1 BODY[] {3}\r\n"


marking = pytest.mark.parametrize("kind", MARKING, indirect=True)
forgetting = pytest.mark.parametrize("kind", FORGETTING, indirect=True)


@pytest.fixture
def drop(kind: Kind) -> Iterator[Maildrop]:
    """The maildrop with three messages, opened."""
    for raw in (ONE, TWO, THREE):
        kind.deliver(raw)
    opened = kind.open()
    yield opened
    opened.close()


def raws(drop: Maildrop) -> list[bytes]:
    """All that waits, fetched."""
    return [fetched.raw for fetched in drop.fetch(drop.waiting(drop.uids()))]


def packed(kind: Kind, *raws: bytes) -> list[bytes]:
    """What is fetched of these messages."""
    return [kind.packed(raw) for raw in raws]


def test_an_empty_maildrop_has_no_mail(kind: Kind) -> None:
    """Without mail every question has an empty answer."""
    drop = kind.open()
    assert [list(drop.uids()), list(drop.marked()), list(drop.waiting([])), list(drop.fetch([]))] == [[], [], [], []]
    assert list(drop.expunge([])) == []
    drop.mark([])
    assert all(advice.isprintable() for advice in drop.advice())
    drop.close()


@marking
def test_moving_nothing_moves_nothing(kind: Kind) -> None:
    """No mail is no mistake."""
    drop = kind.open()
    assert list(drop.move([], "Failed")) == []
    drop.close()


def test_fetched_bytes_are_those_delivered(kind: Kind, drop: Maildrop) -> None:
    """The raw bytes come unaltered, oldest first, also if they look like the protocol's own."""
    assert raws(drop) == packed(kind, ONE, TWO, THREE)


def test_waiting_tells_size_and_arrival(kind: Kind, drop: Maildrop) -> None:
    """Sizes are in octets; arrivals are aware times in UTC."""
    waiting = drop.waiting(drop.uids())
    assert [message.size for message in waiting] == [len(raw) for raw in packed(kind, ONE, TWO, THREE)]
    assert all(message.arrival.utcoffset() is not None for message in waiting)
    assert all(abs((message.arrival - kind.arrival()).total_seconds()) < 10 for message in waiting)


def test_waiting_keeps_the_order_that_is_asked(kind: Kind, drop: Maildrop) -> None:
    """The answers are in the order of the uids asked for, each once."""
    backwards = list(drop.uids())[::-1]
    assert [message.uid for message in drop.waiting(backwards)] == backwards
    assert [fetched.raw for fetched in drop.fetch(drop.waiting(backwards))] == packed(kind, THREE, TWO, ONE)


@marking
def test_what_others_marked_is_not_ours(kind: Kind, drop: Maildrop) -> None:
    """Mail that another client has marked is in marked(), not in uids()."""
    kind.deliver(b"Subject: theirs\r\n\r\n", marked=True)
    assert len(drop.uids()) == 3
    assert len(drop.marked()) == 1
    assert not set(drop.uids()) & set(drop.marked())


def test_new_mail_is_seen_by_the_same_maildrop(kind: Kind, drop: Maildrop) -> None:
    """Mail that arrives after the first look is in the second."""
    before = list(drop.uids())
    kind.deliver(b"Subject: four\r\n\r\n")
    assert list(drop.uids())[:3] == before
    assert len(drop.uids()) == 4


def test_mail_that_vanished_is_skipped(kind: Kind, drop: Maildrop) -> None:
    """What another program removed between our steps is left out of each later step, and breaks none."""
    first, second, third = drop.uids()
    all_three = drop.waiting([first, second, third])
    kind.take(second)
    assert [fetched.raw for fetched in drop.fetch(all_three)] == packed(kind, ONE, THREE)
    assert not drop.stream(all_three[1], BytesIO())
    assert [message.uid for message in drop.waiting([first, second, third])] == [first, third]
    drop.mark([second])
    assert list(drop.move([second], "Failed") if kind.folders else drop.expunge([second])) == [second]


@pytest.mark.parametrize("size", [100, 1024 * 1024, 3 * 1024 * 1024 + 1], ids=["small", "one piece", "over three"])
def test_streamed_bytes_are_those_delivered(kind: Kind, size: int) -> None:
    """A stream brings the same bytes as a fetch, also when pieces end exactly with the message."""
    raw = (b"Subject: big\r\n\r\n" + b"0123456789abcdef0123456789abcdef\r\n" * (size // 34 + 1))[: size - 2] + b"\r\n"
    kind.deliver(raw)
    drop = kind.open()
    (waiting,) = drop.waiting(drop.uids())
    content = BytesIO()
    assert drop.stream(waiting, content)
    assert content.getvalue() == kind.packed(raw)
    drop.close()


def test_mark_removes_nothing(drop: Maildrop) -> None:
    """Marked mail is still there, in marked()."""
    first, second, third = drop.uids()
    drop.mark([first, third])
    drop.mark([first])
    assert list(drop.uids()) == [second]
    assert sorted(drop.marked()) == sorted([first, third])


@marking
def test_expunge_removes_ours_alone(kind: Kind, drop: Maildrop) -> None:
    """Expunged are the marked ones that are named; those that others marked stay, and stay marked."""
    first, second, third = drop.uids()
    kind.deliver(b"Subject: theirs\r\n\r\n", marked=True)
    (theirs,) = drop.marked()
    drop.mark([first, third])
    gone = drop.expunge([first, third])
    assert list(drop.uids()) == [second]
    if kind.expunged == "stays":
        assert list(gone) == []
        assert sorted(drop.marked()) == sorted([first, third, theirs])
    else:
        assert sorted(gone) == sorted([first, third])
        assert list(drop.marked()) == [theirs]
    if kind.expunged == PROCESSED:
        assert kind.folder(PROCESSED) == [ONE, THREE]


@forgetting
def test_expunge_removes_what_is_named(kind: Kind, drop: Maildrop) -> None:
    """Expunged are the marked ones that are named, and no others; what is marked and not named stays marked."""
    first, second, third = drop.uids()
    drop.mark([first, second])
    assert list(drop.expunge([first, third])) == [first]
    assert (list(drop.uids()), list(drop.marked())) == ([third], [second])
    assert list(drop.expunge([first, second])) == [first, second]
    assert raws(drop) == packed(kind, THREE)


def test_expunge_keeps_what_is_not_marked(kind: Kind, drop: Maildrop) -> None:
    """A message that is not (or no longer) marked stays, and is not among the answered."""
    assert list(drop.expunge(drop.uids())) == []
    assert raws(drop) == packed(kind, ONE, TWO, THREE)


@marking
def test_the_next_run_finishes_an_expunge(kind: Kind, drop: Maildrop) -> None:
    """What a run has marked before it died, the next one finds and expunges."""
    first, *_ = drop.uids()
    drop.mark([first])
    drop.close()
    again = kind.open()
    assert first in again.marked()
    assert list(again.expunge([first])) == ([] if kind.expunged == "stays" else [first])
    assert raws(again) == packed(kind, TWO, THREE)
    again.close()


@forgetting
def test_marks_end_with_the_maildrop(kind: Kind, drop: Maildrop) -> None:
    """What a run has marked before it died, the next one finds as it was, and marks and expunges by itself."""
    first, *_ = drop.uids()
    drop.mark([first])
    assert (first in drop.uids(), list(drop.marked())) == (False, [first])
    drop.close()
    again = kind.open()
    assert (first in again.uids(), list(again.marked())) == (True, [])
    again.close()


def test_a_fresh_maildrop_expunges_without_a_look(kind: Kind, drop: Maildrop) -> None:
    """Marking and expunging by uids that an earlier run has noted needs no uids() before it."""
    first, *_ = drop.uids()
    drop.close()
    again = kind.open()
    again.mark([first])
    assert list(again.expunge([first])) == ([] if kind.expunged == "stays" else [first])
    again.close()


@marking
def test_move_takes_ours_to_a_new_folder(kind: Kind, drop: Maildrop) -> None:
    """Moved mail is whole in the folder, which is made when it is missing and used again when it is there."""
    first, second, third = drop.uids()
    stays = kind.expunged == "stays"
    assert list(drop.move([first], "Failed")) == ([] if stays else [first])
    assert list(drop.move([third], "Failed")) == ([] if stays else [third])
    assert sorted(kind.folder("Failed")) == sorted([ONE, THREE])
    assert list(drop.uids()) == [second]


@forgetting
def test_there_is_nowhere_to_move_to(kind: Kind, drop: Maildrop) -> None:
    """Without folders a move is the operator's mistake, and the mail stays."""
    first, *_ = drop.uids()
    with pytest.raises(SettingsError, match="no folders"):
        drop.move([first], "Failed")
    assert raws(drop) == packed(kind, ONE, TWO, THREE)


def test_more_uids_than_one_command_holds(kind: Kind, drop: Maildrop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many uids go in several commands, with the same end."""
    monkeypatch.setattr(sequence_set, "_UIDS_IN_A_COMMAND", 2)
    for number in range(4):
        kind.deliver(f"Subject: {number}\r\n\r\n".encode())
    assert raws(kind.open())[:3] == raws(drop)[:3] == packed(kind, ONE, TWO, THREE)
    uids = list(drop.uids())
    assert len(uids) == 7
    drop.mark(uids[:5])
    assert len(drop.expunge(uids[:5])) == (0 if kind.expunged == "stays" else 5)
    assert list(drop.uids()) == uids[5:]


def test_close_keeps_the_mail(kind: Kind, drop: Maildrop) -> None:
    """Closing removes nothing, not even what is marked, and may be done twice."""
    first, *_ = drop.uids()
    validity = drop.uidvalidity
    drop.mark([first])
    drop.close()
    drop.close()
    again = kind.open()
    assert (len({*again.uids(), *again.marked()}), again.uidvalidity) == (3, validity)
    assert set(again.marked()) <= {first}
    again.close()
