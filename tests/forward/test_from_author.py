"""From in the name of the list is well formed and shows nobody's address, whatever the author's From was."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.forward.author import display_name, domains_in, in_the_name_of
from mailproc.rawmail import RawMail
from mailproc.reading import decode_words, read_addresses, read_header, sole_author

LIST = "notes@lists.example.net"


def munged(raw: bytes, name: str = "The Notes") -> RawMail:
    """The mail in the name of the list."""
    return in_the_name_of(RawMail.read(raw), name, LIST)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ann Doe <ann@example.org>", "Ann Doe"),
        ('"Doe, Ann (sales)" <ann@example.org>', "Doe Ann sales"),
        ("=?utf-8?q?J=C3=B6rg=2C_X?= <j@example.org>", "J\xf6rg X"),
        ("ann@example.org", "ann"),
        ("<ann@example.org>", "ann"),
        ('"boss@bank.example" <ann@example.org>', "ann"),
        ('"Boss <boss@bank.example>" <ann@example.org>', "Boss"),
        ("=?utf-8?q?boss=40bank.example?= <ann@example.org>", "ann"),
        ("ann@example.org (Ann Doe)", "ann"),
        ("=?utf-8?q?a=0D=0ABcc:_x?= <ann@example.org>", "a Bcc x"),
        ("", "Somebody"),
        ("undisclosed:;", "Somebody"),
        ("ann@example.org <ann@example.org>", "ann"),
        ("\u202e\u200b <x>", "Somebody"),
    ],
)
def test_the_name_that_is_shown(value: str, expected: str) -> None:
    """It is the author's words without syntax and addresses, or the local part, or nobody's."""
    assert display_name(value) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"From: Ann <ann@example.org>\r\n\r\n", "ann@example.org"),
        (b"From: a@x.test, b@x.test\r\nReply-To: c@x.test, a@x.test\r\n\r\n", "a@x.test, b@x.test, c@x.test"),
        (b"From: a@example.org\r\nReply-To: X <a@example.org>\r\n\r\n", "a@example.org"),
        (b"From: \r\nReply-To: c@example.org\r\n\r\n", "c@example.org"),
        (b"From: ann@example.org <ann@example.org>\r\n\r\n", "ann@example.org"),
        (b"From: a b@example.org> <x>\r\n\r\n", None),
        (b"From: \xc3\xa9@example.org\r\n\r\n", None),
        (b"Subject: x\r\n\r\n", None),
    ],
)  # fmt: skip
def test_answers_go_to_the_author(raw: bytes, expected: str | None) -> None:
    """Reply-To names who From did, then who Reply-To did, each once."""
    field = munged(raw).first("Reply-To")
    assert (field and field.value) == expected


def test_its_signatures_are_gone() -> None:
    """All of them, for each covers From (RFC 6376 section 5.4)."""
    raw = b"DKIM-Signature: a\r\ndkim-signature: b\r\n c\r\nFrom: Ann <ann@example.org>\r\nX: y\r\n\r\nDKIM-Signature: d\r\n"
    assert munged(raw).to_bytes() == (
        b"Reply-To: ann@example.org\r\nFrom: Ann via The Notes <notes@lists.example.net>\r\nX: y\r\n\r\nDKIM-Signature: d\r\n"
    )


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80))
def test_from_is_the_list_whatever_it_was(value: bytes, name: str) -> None:
    """There is one author for every reader, the list, and the name shows no other address."""
    raw = b"From: " + value.replace(b"\n", b"\n ") + b"\r\nTo: x\r\n\r\n"
    after = munged(raw, name)
    assert [str(each) for each in read_addresses(field.value for field in after.all("From"))] == [LIST]
    field = after.first("From")
    assert field is not None
    assert "@" not in decode_words(field.value).replace(LIST, "", 1).replace(LIST, "", 1)
    sound = read_header(b"From: x <" + LIST.encode() + b">\r\n\r\n")
    assert sole_author(read_header(after.first("From").raw + b"\r\n")) == sole_author(sound)


@pytest.mark.parametrize("value", ["<" * 500_000, '"' * 500_000, "=?utf-8?q?" * 100_000, "a@b," * 200_000, "(" * 500_000])
def test_a_hostile_from_costs_little(value: str) -> None:
    """Half a megabyte of From is cut before it is looked at."""
    started = time.process_time()
    munged(f"From: {value} <a@example.org>\r\n\r\n".encode())
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ann <ann@Example.org>", {"example.org"}),
        ("a@x.org, friends: b@y.org;", {"x.org", "y.org"}),
        ('"a b"@x.org', {"x.org"}),
        ("a..b@x.org", {"x.org"}),
        ("ann @ x . org", {"x.org"}),
        ("ann(c)@x.org", {"x.org"}),
        ("ann@(c)x.org", {"", "x.org"}),
        ("ann@x(c).org", {"x", "x.org"}),
        ("ann@x.org (y", {"x.org"}),
        ("ann@x.org (y, bob@z.org", {"x.org", "z.org"}),
        ("<@y.org:ann@x.org>", {"x.org", "y.org"}),
        ("Ann <ann@x.org", {"x.org"}),
        ('"boss@bank.example" <ann@x.org>', {"bank.example", "x.org"}),
        ("ann@[192.0.2.1]", {""}),
        ("=?utf-8?q?ann=40x=2Eorg?=", None),
        ("undisclosed:;", None),
        ("", set()),
        ("a@x.org " * 2000, None),
    ],
)
def test_the_domains_that_any_reader_may_see(value: str, expected: set[str] | None) -> None:
    """Behind every at sign, also where an address is written as no program should; or nobody can tell."""
    assert domains_in([value]) == expected


@settings(deadline=None)
@given(st.lists(st.text(max_size=100), max_size=3))
def test_domains_of_any_text(values: list[str]) -> None:
    """What our own reader finds is always among them."""
    found = domains_in(values)
    assert found is None or {each.domain.lower() for each in read_addresses(values)} - {""} <= found | {""}
