"""Addresses of header fields: strict, and never another one than a careful reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import read_addresses, read_header, sole_author

ONE = [
    ("ann@example.org", "ann@example.org"),
    ("<ann@example.org>", "ann@example.org"),
    ("Ann <ann@Example.ORG>", "ann@example.org"),
    ("Ann@Example.ORG", "Ann@example.org"),
    ("ann@example.org (Ann (the first))", "ann@example.org"),
    ('"Example, Ann" <ann@example.org>', "ann@example.org"),
    ('"boss@example.com" <eve@example.org>', "eve@example.org"),
    ('"a\\"b, <x@example.com>" <eve@example.org>', "eve@example.org"),
    ("John Q. Public <john@example.org>", "john@example.org"),
    ("Ann [Example] <ann@example.org>", "ann@example.org"),
    ("=?utf-8?q?J=C3=B6rg?= <joerg@example.org>", "joerg@example.org"),
    ("Jörg <joerg@example.org>", "joerg@example.org"),
    ('"ann.b"@example.org', "ann.b@example.org"),
    ('"ann..b"@example.org', '"ann..b"@example.org'),
    ("ann+tag@sub.example.org", "ann+tag@sub.example.org"),
    ("  ann@example.org\t", "ann@example.org"),
]

NONE = [
    "",
    "Ann",
    "ann",
    "ann@",
    "@example.org",
    "ann@@example.org",
    "ann@example..org",
    "ann@.example.org",
    ".ann@example.org",
    "ann.@example.org",
    "ann@example.org bob@example.org",
    "ann @example.org",
    "ann@ example.org",
    "ann@(evil)example.org",
    "alice@a)bob@b",
    "<a@example.org> <c@example.org>",
    "boss@example.com <eve@example.org>",
    "<ann@example.org",
    "ann@example.org>",
    "<<ann@example.org>>",
    "<@relay.example.net:ann@example.org>",
    '"ann b"@example.org',
    '"ann@example.com"@example.org',
    '"open <ann@example.org>',
    "(open ann@example.org",
    "ann\0@example.org",
    "ann\x1b[2J@example.org",
    "ann\u200b@example.org",
    "ann\u202e@example.org",
    "ann\u00a0b@example.org",
    "ann@exam\u200bple.org",
    "ann@exam ple.org",
    "ann@\u212aelvin.example.org",
    "=?utf-8?q?ann?=@example.org",
    "ann@[192.0.2.1]",
    "a" * 250 + "@example.org",
    "ann@example.org\ufffd",
    "undisclosed-recipients:;",
]


@pytest.mark.parametrize(("value", "address"), ONE)
def test_well_formed(value: str, address: str) -> None:
    """Only the addr-spec counts; names and comments are read over."""
    assert [str(found) for found in read_addresses([value])] == [address]
    assert str(sole_author(read_header(f"From: {value}\n\n".encode()))) == address


@pytest.mark.parametrize("value", NONE)
def test_not_well_formed(value: str) -> None:
    """What is not well formed yields no address and no author."""
    assert read_addresses([value]) == ()
    assert sole_author(read_header(f"From: {value}\n\n".encode())) is None


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@example.org, b@example.org", ["a@example.org", "b@example.org"]),
        ("a@example.org,, ,b@example.org,", ["a@example.org", "b@example.org"]),
        ("a@example.org; b@example.org", ["a@example.org", "b@example.org"]),
        ("junk, a@example.org, <b@, c@example.org", ["a@example.org", "c@example.org"]),
        ("Team: a@example.org, Bob <b@example.org>;, c@example.org", ["a@example.org", "b@example.org", "c@example.org"]),
        ('"a, b" <a@example.org>, (x, y@example.org) b@example.org', ["a@example.org", "b@example.org"]),
        ("jörg@example.org, ann@bücher.example", ["jörg@example.org", "ann@bücher.example"]),
        ("ann@example.org.", ["ann@example.org"]),
        ("ann%example.com@example.org", ["ann%example.com@example.org"]),
        ("<<a@example.org>,\t<b@example.org>...>", []),
    ],
)
def test_lists(value: str, addresses: list[str]) -> None:
    """The entries of a list stand alone: junk among them takes nobody along."""
    assert [str(found) for found in read_addresses([value])] == addresses
    assert sole_author(read_header(f"From: {value}\n\n".encode())) is None


def test_limit() -> None:
    """No more addresses are read than asked for, over all the values."""
    values = [", ".join(f"a{number}@example.org" for number in range(400))] * 2
    assert len(read_addresses(values)) == 500
    assert len(read_addresses(values, 3)) == 3


@pytest.mark.parametrize(
    "header",
    [
        "From: ann@example.org\nFrom: ann@example.org",
        "From: ann@example.org\nfrom: eve@example.org",
        "From: ann@example.org\nFrom : eve@example.org",
        "From: ann@example.org\nstray\nFrom: eve@example.org",
        "stray\nFrom: ann@example.org",
        "From: ann@example.org\rFrom: eve@example.org",
        "From: ann@example.org, eve@example.org",
        "From: ann@example.org, eve",
        "From: ann@example.org,",
        "From: Team: ann@example.org;",
        "From: ann@example.org; eve",
        "From: host!ann@example.org",
        "From: ann%example.com@example.org",
        "From: ann@example.org.",
        "From: \u0430nn@example.org",
        "From : ann@example.org",
        "X : y\nFrom: ann@example.org",
        "From: ann@example.org (open",
        "From: ann@example.org ((open)",
        "From:",
        "To: ann@example.org",
        "Sender: ann@example.org",
    ],
)
def test_no_sole_author(header: str) -> None:
    """Where a reader might see another author, or none, there is none."""
    assert sole_author(read_header(f"{header}\nSubject: x\n\n".encode())) is None


def test_author_before_a_stray_line() -> None:
    """A stray line behind From leaves the author in place: all readers agree about it."""
    assert str(sole_author(read_header(b"From: ann@example.org\nstray\nTo: b@example.org\n\n"))) == "ann@example.org"


def test_author_of_a_cut_header() -> None:
    """A header that was not looked at to its end has no sole author, since a second one may follow."""
    raw = b"From: ann@example.org\n" + b"X: y\n" * 1001 + b"From: eve@example.org\n\n"
    assert sole_author(read_header(raw)) is None


pieces = st.sampled_from([*'@<>(),:;."\\[] \t\0', "a", "b.c", "example.org", "é", "\u212a", "\u202e", "=?", "a@example.org"])


@given(st.one_of(st.text(max_size=80), st.lists(pieces, max_size=14).map("".join)))
def test_any_value(value: str) -> None:
    """Any value is read, and no address holds control characters, blanks or a second domain."""
    header = read_header(b"From: " + value.encode("utf-8", "replace") + b"\n\n")
    for address in (*read_addresses([value]), *filter(None, [sole_author(header)])):
        assert str(address).isprintable()
        assert not any(character.isspace() for character in str(address))
        assert str(address).count("@") == 1
        assert address.local and address.domain
