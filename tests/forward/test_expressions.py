"""Expressions: the local part of an address adds lists and takes them away."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.forward.expressions import MAX_TERMS, Term, evaluate, names_in, read_terms
from mailproc.forward.resolver import InvalidRecipient

KNOWN = {"board", "old-board", "old", "choir", "choir-guests", "a.b_c"}


@pytest.mark.parametrize(
    ("local", "terms"),
    [
        ("board", [("board", True)]),
        ("BOARD", [("board", True)]),
        ("+board", [("board", True)]),
        ("-board", [("board", False)]),
        ("board+choir", [("board", True), ("choir", True)]),
        ("board-choir+old", [("board", True), ("choir", False), ("old", True)]),
        ("old-board", [("old-board", True)]),
        ("old-choir", [("old", True), ("choir", False)]),
        ("old-board-old-board", [("old-board", True), ("old-board", False)]),
        ("choir-choir-guests", [("choir", True), ("choir-guests", False)]),
        ("a.b_c+a.b_c", [("a.b_c", True), ("a.b_c", True)]),
    ],
)
def test_terms(local: str, terms: list[tuple[str, bool]]) -> None:
    """Terms stand from left to right; the longest known name wins, and case does not matter."""
    assert read_terms(local, KNOWN) == tuple(Term(*term) for term in terms)


@pytest.mark.parametrize(
    ("local", "reasons"),
    [
        ("nobody", ["there is no list nobody"]),
        ("no-such-list", ["there is no list no-such-list"]),
        ("board+eve+mallory-choir", ["there is no list eve", "there is no list mallory"]),
        ("board-eve-eve", ["there is no list eve"]),
        ("board+", ["a name is missing beside a + or a -"]),
        ("board++choir", ["a name is missing beside a + or a -"]),
        ("", ["a name is missing beside a + or a -"]),
        ("-", ["a name is missing beside a + or a -"]),
        ("\x1b[31m", ["there is no list [31m"]),
        ("x" * 300, [f"there is no list {'x' * 77}..."]),
    ],
)
def test_all_that_is_wrong_is_told_at_once(local: str, reasons: list[str]) -> None:
    """Every name that there is not is reported, each once, and fit to be shown."""
    with pytest.raises(InvalidRecipient) as caught:
        read_terms(local, KNOWN)
    assert list(caught.value.reasons) == reasons
    assert str(caught.value) == "; ".join(reasons)


def test_terms_have_a_limit() -> None:
    """Fifty are read, one more is refused, and a megabyte of them takes no time."""
    assert len(read_terms("+".join(["board"] * MAX_TERMS), KNOWN)) == MAX_TERMS
    started = time.process_time()
    for local in ("+".join(["board"] * (MAX_TERMS + 1)), "-" * 1_000_000, "a" * 1_000_000, "a-" * 500_000):
        with pytest.raises(InvalidRecipient):
            read_terms(local, KNOWN)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("local", "names"),
    [
        ("board", {"board"}),
        ("Old-Board", {"old", "old-board", "board"}),
        ("a-b+c", {"a", "a-b", "b", "c"}),
        ("a--b", {"a", "a--b", "b"}),
        ("+-", set()),
    ],
)
def test_names_that_an_address_may_hold(local: str, names: set[str]) -> None:
    """A name may hold a minus, and no plus."""
    assert set(names_in(local)) == names


PEOPLE = {
    "board": ["ann@example.org", "bob@example.org"],
    "choir": ["Bob@Example.org", "cyd@example.org", "dan@example.org"],
    "old": ["dan@example.org"],
}


@pytest.mark.parametrize(
    ("local", "groups"),
    [
        ("board", {"board": ["ann", "bob"]}),
        ("board+choir", {"board": ["ann", "bob"], "choir": ["cyd", "dan"]}),
        ("choir+board", {"choir": ["Bob", "cyd", "dan"], "board": ["ann"]}),
        ("choir-old", {"choir": ["Bob", "cyd"]}),
        ("choir-old+old", {"choir": ["Bob", "cyd"], "old": ["dan"]}),
        ("choir-board", {"choir": ["cyd", "dan"]}),
        ("-choir+board", {"board": ["ann", "bob"]}),
        ("board-board", {}),
        ("board-board+choir+board", {"choir": ["Bob", "cyd", "dan"], "board": ["ann"]}),
    ],
)
def test_a_sum_is_reckoned_from_left_to_right(local: str, groups: dict[str, list[str]]) -> None:
    """Everybody is in the group of the first list that adds them, and nobody is there twice, whatever the case."""
    found = evaluate(
        read_terms(local, PEOPLE), PEOPLE, {name: [each.lower() for each in them] for name, them in PEOPLE.items()}
    )
    assert {name: [address.split("@")[0] for address in them] for name, them in found.items()} == groups


def test_who_gets_no_mail_of_a_list_is_taken_away_with_it() -> None:
    """Difference is about who is in a list, not about who gets its mail."""
    receiving = {"board": ["ann@example.org", "bob@example.org"], "old": []}
    everybody = {"board": receiving["board"], "old": ["bob@example.org"]}
    assert evaluate([Term("board"), Term("old", False)], receiving, everybody) == {"board": ["ann@example.org"]}


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), min_size=1, max_size=8),
    st.fixed_dictionaries({name: st.sets(st.sampled_from("stuvwx")) for name in "abcd"}),
)
def test_a_sum_is_that_of_sets(terms: list[tuple[bool, str]], people: dict[str, set[str]]) -> None:
    """Whoever is reached is reached once, and they are exactly those of the union and difference of sets."""
    local = "".join(("+" if adds else "-") + name for adds, name in terms)
    them = {name: sorted(who) for name, who in people.items()}
    groups = evaluate(read_terms(local, people), them, them)
    expected: set[str] = set()
    for adds, name in terms:
        expected = expected | people[name] if adds else expected - people[name]
    reached = [address for who in groups.values() for address in who]
    assert sorted(reached) == sorted(expected)
    assert all(set(who) <= people[name] for name, who in groups.items())
