"""Whose turn it is, and how news pass through a pipe."""

from __future__ import annotations

import logging

import pytest

from mailproc.watching import turns as turns_module
from mailproc.watching.looking import Seen
from mailproc.watching.news import News, Reader
from mailproc.watching.turns import Turns

EVERYBODY = ("a", "b", "c")


def turns(*new: str) -> Turns:
    """Three maildrops, of which these have news."""
    made = Turns(EVERYBODY)
    for name in EVERYBODY:
        made.hear(News("new" if name in new else "none", name))
    return made


def test_who_has_news_first_has_the_first_turn() -> None:
    """All that have news have it together, once."""
    made = turns()
    for name in ("c", "a", "c"):
        made.hear(News("new", name))
    assert (made.wanted, made.take(), made.wanted) == (True, ["c", "a"], False)


def test_what_stays_wants_no_turn() -> None:
    """Mail that was told, or none."""
    made = turns()
    made.hear(News("same", "a"))
    made.hear(News("none", "b"))
    assert not made.wanted


def test_who_was_not_finished_goes_on_after_the_others() -> None:
    """The first of a run has had most of the time, so it is the last; news that came meanwhile go before."""
    made = turns()
    made.hear(News("new", "c"))
    made.again(["a", "b", "c"], {"a", "b"}, soon=True)
    assert made.take() == ["c", "b", "a"]
    made.again(["b", "a"], {"b", "a"}, soon=True)
    assert made.take() == ["a", "b"]
    made.looks(EVERYBODY)
    made.again(["a", "b"], {"b"}, soon=False)
    assert (made.wanted, made.looks(EVERYBODY)) == (False, {"a": False, "b": True, "c": False})


def test_a_round_is_for_all_that_can_be_reached() -> None:
    """Those with news first."""
    made = turns("c")
    made.hear(News("away", "a", "a is away"))
    assert (made.take_all(), made.lost, made.wanted) == (["c", "b"], ["a"], False)


def test_where_a_run_has_failed_there_is_no_other_before_the_ears_have_looked() -> None:
    """They may find that the server has gone, which is said once; if not, the next round tries again."""
    made = turns()
    made.again(["a"], {"a"}, soon=False)
    assert made.take_all() == ["b", "c"]
    made.hear(News("same", "a"))
    assert made.take_all() == ["a", "b", "c"]


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """However often the maildrop was tried; that it was away takes its turn."""
    caplog.set_level(logging.INFO, "mailproc")
    made = turns("a")
    for _ in range(3):
        made.hear(News("away", "a", "maildrop a: no answer"))
    assert not made.wanted
    for _ in range(2):
        made.hear(News("new", "a"))
    assert made.take() == ["a"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "maildrop a: no answer; it is tried again, and the others are watched"),
        ("INFO", "maildrop a is back"),
    ]


def test_without_ears_mail_may_wait_anywhere() -> None:
    """A round looks everywhere then; before it, what is known is what was heard."""
    made = turns("a")
    assert (made.all_heard, made.looks(EVERYBODY)) == (True, {"a": True, "b": False, "c": False})
    made.hear(News("deaf"))
    assert (made.all_heard, made.looks(EVERYBODY)) == (False, dict.fromkeys(EVERYBODY, True))


def test_who_is_held_by_another_gets_its_turn_later() -> None:
    """Not before the time is over."""
    made = turns()
    made.hold(["a", "b"], {"b": "it is held"}, 60)
    assert not made.wanted
    made.hold(["a", "b"], {"b": "it is held"}, 0)
    assert (made.wanted, made.take()) == (True, ["b"])


def test_who_is_held_for_very_long_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A run that hangs would else keep a maildrop unworked without a word; once it has let go, the next is told again."""
    made = turns()
    made.hold(["a", "b"], {"b": "maildrop b: process 7 is at work on it"}, 0)
    made.hold(["a", "b"], {"b": "maildrop b: process 7 is at work on it"}, 0)
    assert caplog.messages == []
    monkeypatch.setattr(turns_module, "LONG", 0.0)
    for _ in range(2):
        for _ in range(3):
            made.hold(["a", "b"], {"b": "maildrop b: process 7 is at work on it"}, 0)
        made.hold(["b"], {}, 0)
    assert caplog.messages == ["maildrop b: process 7 is at work on it, and has been for 0 minutes; end it if it hangs"] * 2


def test_news_pass_through_a_pipe() -> None:
    """Whatever a server has said, and however the pipe cuts it; a line is small enough to be written in one piece."""
    news = [
        News("new", "main"),
        News("away", "a-1", "maildrop a-1:\n* BYE \u00fc\ud800 \x00" + "\U0001f600" * 2000),
        News("deaf"),
    ]
    data = b"".join(one.line() for one in news)
    assert all(len(one.line()) <= 4096 for one in news)
    reader = Reader()
    read = [one for octet in data for one in reader.read(bytes([octet]))]
    assert [(one.word, one.name) for one in read] == [(one.word, one.name) for one in news]
    assert read[1].reason.startswith("maildrop a-1: * BYE \u00fc")


def test_what_was_not_there_before_is_new() -> None:
    """Also beside as much that has gone; what was there is not."""
    seen = Seen()
    looks = [[], ["1", "2"], ["2", "1"], ["2"], ["2", "3"], ["3"], []]
    assert [seen.word(uids) for uids in looks] == ["none", "new", "same", "same", "new", "same", "none"]
