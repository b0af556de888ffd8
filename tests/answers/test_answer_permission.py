"""Whether a message may be answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.address import Address
from mailproc.answers import RATE_LIMIT, may_answer, wire_address

ANN = Address("ann", "example.com")
ROBOT = Address("robot", "example.org")


def ask(**changes: Any) -> str | None:
    """The answer for a plain mail of an active user, with ``changes``."""
    facts: dict[str, Any] = {
        "author": ANN,
        "user_active": True,
        "reverse_path": "ann@example.com",
        "from_a_person": True,
        "suppressed": False,
        "ours": lambda address: address == ROBOT,
        "recent": 0,
    }
    return may_answer(**(facts | changes))


def test_active_user_gets_an_answer() -> None:
    """Nothing forbids an answer to a person whom we know."""
    assert ask() is None


def test_unknown_reverse_path_forbids_nothing() -> None:
    """A maildrop does not always tell the reverse path; only the null path is a machine's."""
    assert ask(reverse_path=None) is None
    assert ask(reverse_path="bounces@lists.example.net") is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reverse_path": ""}, "null reverse path"),
        ({"from_a_person": False}, "not from a person"),
        ({"suppressed": True}, "X-Auto-Response-Suppress"),
        ({"author": None}, "no single author"),
        ({"author": Address("ann", "")}, "address cannot be written to"),
        ({"author": Address('"a b"', "example.com")}, "address cannot be written to"),
        ({"author": ROBOT}, "our own address"),
        ({"user_active": None}, "unknown sender"),
        ({"user_active": False}, "inactive user"),
        ({"recent": RATE_LIMIT}, "rate"),
        ({"recent": 3, "limit": 3}, "rate"),
    ],
)
def test_each_reason_suppresses_in_its_own_words(changes: dict[str, Any], reason: str) -> None:
    """One reason alone is enough, and the ledger shows which."""
    assert ask(**changes) == f"answer suppressed: {reason}"


def test_twentieth_answer_goes_out_and_the_next_does_not() -> None:
    """The limit is a number of answers, not one less."""
    assert ask(recent=19) is None
    assert ask(recent=20) == "answer suppressed: rate"


@given(
    st.sampled_from([None, ANN, ROBOT, Address("a b", "example.com")]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "", "ann@example.com"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 40),
)
def test_an_answer_needs_everything(author: Any, active: Any, path: Any, person: bool, suppressed: bool, recent: int) -> None:
    """There is no combination in which one good fact outweighs a bad one."""
    allowed = author == ANN and active is True and path != "" and person and not suppressed and recent < 20
    answer = ask(
        author=author, user_active=active, reverse_path=path, from_a_person=person, suppressed=suppressed, recent=recent
    )
    assert (answer is None) == allowed


@pytest.mark.parametrize(
    ("address", "written"),
    [
        (Address("Ann.Smith+x", "Example.COM"), "Ann.Smith+x@example.com"),
        (Address("ann", "bücher.example"), "ann@xn--bcher-kva.example"),
        (Address("o'neil", "localhost"), "o'neil@localhost"),
        (Address("", "example.com"), None),
        (Address("ann", ""), None),
        (Address('"ann"', "example.com"), None),
        (Address("ann,bob", "example.com"), None),
        (Address("ann@example.net", "example.com"), None),
        (Address("a..b", "example.com"), None),
        (Address("jörg", "example.com"), None),
        (Address("ann\r\nBcc: eve", "example.com"), None),
        (Address("ann\n", "example.com"), None),
        (Address("ann", "example.com\n"), None),
        (Address("ann", "example..com"), None),
        (Address("ann", "-x.example"), None),
        (Address("ann", "[192.0.2.1]"), None),
        (Address("a" * 250, "example.com"), None),
        (Address("ann", "x" * 70 + ".example"), None),
        (Address("ann", "\udc80.example"), None),
    ],
)
def test_only_plain_addresses_are_written_to(address: Address, written: str | None) -> None:
    """What would have to be quoted or carried by SMTPUTF8 is not written to."""
    assert wire_address(address) == written


@given(st.builds(Address, st.text(), st.text()))
def test_written_address_is_one_path(address: Address) -> None:
    """For any address the result is None or one that fits into RCPT TO:<...> as it is."""
    written = wire_address(address)
    assert written is None or (written.isascii() and written.isprintable() and not set(written) & set(' <>",;:()[]\\'))
