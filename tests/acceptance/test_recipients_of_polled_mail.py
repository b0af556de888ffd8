"""Whom a polled mail is for: 30 to 32 of docs/behaviour/incoming.md, and where we find more recipients than Launchpad."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import read_header
from mailproc.recipients import MAX_RECIPIENTS, Recipients, domain_of, find_recipients, reverse_path_of, suspected
from mailproc.testing import make_mail
from tests.cost import within
from tests.installation import Installation

OURS = ("X-Launchpad-Original-To", "Delivered-To")
BOUND = {"maps.example.org", "songs.example.org"}


def found(*lines: str, headers: tuple[str, ...] = OURS, body: str = "") -> Recipients:
    """The recipients of a mail with these header lines, where two domains are bound."""
    raw = "\r\n".join([*lines, "", body]).encode()
    return suspected(find_recipients(read_header(raw), headers, BOUND.__contains__), raw, headers)


# 30: what our mail server wrote ----------------------------------------------------------------------------------------------


def test_the_field_of_our_mail_server_stands_alone() -> None:
    """Where the configured field is there, To, Cc and their kin are not asked, and there is no doubt."""
    told = "X-Launchpad-Original-To: Desk@MAPS.example.org"
    assert found(told, "To: a@songs.example.org", "Cc: b@maps.example.org", "Resent-To: c@maps.example.org") == Recipients(
        ("Desk@maps.example.org",)
    )


def test_the_topmost_of_several_is_the_one_that_was_written_last() -> None:
    """Mail servers write on top, so that a lower field is the sender's or an earlier server's."""
    lines = ("Delivered-To: last@maps.example.org", "Delivered-To: first@songs.example.org")
    assert found(*lines).addresses == ("last@maps.example.org",)


def test_the_fields_are_asked_in_the_order_of_the_configuration() -> None:
    """The first configured field that is there decides, wherever it stands in the mail; others do not count."""
    lines = ("Delivered-To: low@maps.example.org", "X-Launchpad-Original-To: high@maps.example.org")
    assert found(*lines).addresses == ("high@maps.example.org",)
    assert found(*lines, headers=("Delivered-To",)).addresses == ("low@maps.example.org",)
    assert found(*lines, headers=("Envelope-To",)).addresses == ("",)


@pytest.mark.parametrize("value", ["", "   ", "<>", "desk", "a@b@maps.example.org", "x\x00y@maps.example.org", "Desk:;"])
def test_a_field_without_an_address_names_nobody(value: str) -> None:
    """When our own field holds no address, the sender's fields are still not believed."""
    assert found(f"Delivered-To: {value}", "To: desk@maps.example.org") == Recipients(("",))


# 31: somebody who tries to write it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["X-Launchpad-Original-To", "x-launchpad-original-to"])
def test_the_field_in_the_text_alone_is_suspicious(name: str) -> None:
    """A mail that names the field only in its text is for its To, and the log may say that it looks like spam."""
    guess = found("To: desk@maps.example.org", body=f"Hello\r\n{name}: root@songs.example.org\r\n")
    assert (guess.addresses, guess.suspect) == (("desk@maps.example.org",), True)
    assert guess.doubt == "Suspected spam: X-Launchpad-Original-To stands in its text alone"


def test_a_mail_with_the_field_is_never_suspicious() -> None:
    """Who quotes a header in a mail that our server has marked is not suspected."""
    assert not found("Delivered-To: desk@maps.example.org", body="X-Launchpad-Original-To: x\r\n").suspect


def test_looking_for_it_takes_no_time() -> None:
    """A mail of the largest size is searched in a blink."""
    raw = b"To: a@maps.example.org\r\n\r\n" + b"Delivered_To" * (25 * 1024 * 1024 // 12)
    assert not within(2, lambda: suspected(find_recipients(read_header(raw), OURS, BOUND.__contains__), raw, OURS)).suspect


# 32: a mail server that wrote nothing ----------------------------------------------------------------------------------------


def test_without_the_field_every_bound_addressee_is_a_recipient() -> None:
    """To, Cc, Resent-To and Resent-Cc count, all of their fields and in their order, each address once in whatever case.

    Launchpad takes the first alone, so that the second is lost.
    """
    guess = found(
        "Cc: c@songs.example.org, friend@example.net",
        "To: Ann <a@maps.example.org>, a@MAPS.example.org, A@maps.example.org",
        "Resent-Cc: e@songs.example.org",
        "To: b@songs.example.org",
        "Resent-To: d@maps.example.org",
        "Bcc: f@maps.example.org",
    )
    assert guess.addresses == (
        "a@maps.example.org",
        "b@songs.example.org",
        "c@songs.example.org",
        "d@maps.example.org",
        "e@songs.example.org",
    )
    assert guess.doubt == "No X-Launchpad-Original-To or Delivered-To header was present"
    assert not guess.suspect


def test_where_none_is_bound_the_first_stands_for_all() -> None:
    """A mail for domains that nobody serves has one recipient, so that it is one failure and not several."""
    assert found("To: x@example.net, y@example.com").addresses == ("x@example.net",)


@pytest.mark.parametrize("lines", [(), ("To: undisclosed-recipients:;",), ("To: desk",), ("To: <<a>,\r\n\t<b>,", "Cc: @")])
def test_a_mail_without_addresses_has_the_empty_recipient(lines: tuple[str, ...]) -> None:
    """Nobody is a recipient too: its receipt needs a value that is not repeated."""
    assert found(*lines).addresses == ("",)


def test_a_thousand_addressees_are_a_hundred_recipients() -> None:
    """A mail costs a bounded number of receipts."""
    to = ", ".join(f"a{n}@maps.example.org" for n in range(1000))
    assert len(found(f"To: {to}").addresses) == MAX_RECIPIENTS == 100


def test_others_before_ours_do_not_hide_it() -> None:
    """Ours is found behind as many others as a header holds."""
    assert found("To: " + "a@b," * 60_000 + "desk@maps.example.org").addresses == ("desk@maps.example.org",)


def test_spellings_of_one_address_are_one_recipient() -> None:
    """The first spelling stays, so that a mail does not do its work once for each."""
    line = "To: Book@maps.example.org, book@maps.example.org, BOOK@MAPS.example.org, desk@maps.example.org"
    assert found(line).addresses == ("Book@maps.example.org", "desk@maps.example.org")


@given(st.binary(max_size=300))
def test_any_header_has_recipients(octets: bytes) -> None:
    """Whatever a mail holds, there is at least one recipient, and none is there twice."""
    raw = b"To: " + octets + b"\r\n\r\n"
    guess = find_recipients(read_header(raw), OURS, BOUND.__contains__)
    assert guess.addresses
    assert len(set(guess.addresses)) == len(guess.addresses)
    assert all(domain_of(address) in BOUND for address in guess.addresses) or len(guess.addresses) == 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("<>", ""),
        (" <> ", ""),
        ("", None),
        ("<ann@example.com>", "ann@example.com"),
        ("ann@EXAMPLE.com", "ann@example.com"),
        ("<a@example.com>, <b@example.com>", None),
        ("< >", ""),
    ],
)
def test_the_reverse_path_is_known_or_null_or_unknown(value: str, path: str | None) -> None:
    """Only a field that says ``<>``, with or without blanks, is the null path; an empty one tells nothing."""
    assert reverse_path_of(read_header(f"Return-Path: {value}\r\n\r\n".encode())) == path
    assert reverse_path_of(read_header(b"From: ann@example.com\r\n\r\n")) is None


# All three in the log of a run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "text", "level", "words"),
    [
        ({"X-Launchpad-Original-To": "1@notes.example.org"}, "Hello", None, ""),
        ({}, "x-launchpad-original-to: 2@notes.example.org", logging.INFO, "Suspected spam: X-Launchpad-Original-To"),
        ({}, "Hello", logging.WARNING, "No X-Launchpad-Original-To or "),
    ],
)
def test_the_log_says_how_sure_it_is_of_the_recipient(
    house: Installation, caplog: pytest.LogCaptureFixture, header: dict[str, str], text: str, level: int | None, words: str
) -> None:
    """Silence where our server wrote it, INFO where the text tries to, WARNING where it is missing, with where the mail is."""
    caplog.set_level(logging.INFO, "mailproc")
    house.append(make_mail(to="1@notes.example.org", subject="1", text=text, headers=header))
    house.empty(house.works())
    (receipt,) = house.receipts()
    assert (receipt.recipient, receipt.disposition) == ("1@notes.example.org", "handled")
    told = [(record.levelno, record.getMessage()) for record in caplog.records if "; the mail is" in record.msg]
    if level is None:
        assert told == []
    else:
        ((was, message),) = told
        assert was == level
        assert message.startswith(words) and message.endswith(f"; the mail is {receipt.archive_url}")


def test_each_recipient_has_an_outcome_of_its_own(house: Installation) -> None:
    """A mail to two of our addresses is handled for both, and leaves the maildrop once."""
    raw = make_mail(to="a@notes.example.org", subject="1", headers={"Cc": "b@guests.example.org", "Subject": "1"})
    house.append(raw)
    house.empty(house.works())
    assert [(receipt.recipient, receipt.disposition) for receipt in house.receipts()] == [
        ("a@notes.example.org", "handled"),
        ("b@guests.example.org", "handled"),
    ]
    assert len(house.archived()) == 1
    assert house.left_in_maildrop() == []
