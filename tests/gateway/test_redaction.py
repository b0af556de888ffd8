"""What is written of an address tells nobody the address."""

from __future__ import annotations

import time

import pytest

from mailproc import Address
from mailproc.gateway.addresses import name_of
from mailproc.gateway.pattern import read_pattern
from mailproc.gateway.posting import Channel
from mailproc.gateway.redaction import redacted
from tests.gateway.conftest import Chat

CHAT = read_pattern("%s@chat.example.org", ["old.example.net"])


def by_length(address: Address) -> str:
    """A name that says what it was asked for."""
    return f"{len(address.local)} at {address.domain}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("nothing to hide", "nothing to hide"),
        ("abc@chat.example.org", "XXX@chat.example.org <3 at chat.example.org>"),
        ("to abc@Chat.Example.Org, and more", "to XXX@Chat.Example.Org <3 at chat.example.org>, and more"),
        ("<abc+def.x@chat.example.org>", "<XXXXXXXXX@chat.example.org <9 at chat.example.org>>"),
        (
            "a@chat.example.org b@chat.example.org",
            "X@chat.example.org <1 at chat.example.org> X@chat.example.org <1 at chat.example.org>",
        ),
        ("a@old.example.net", "X@old.example.net <1 at old.example.net>"),
        ("ann@example.org a@chat.example.org.evil.example", "ann@example.org a@chat.example.org.evil.example"),
        ("a@chat.example.organic a@xchat.example.org", "a@chat.example.organic a@xchat.example.org"),
        ("It is a@chat.example.org.", "It is X@chat.example.org <1 at chat.example.org>."),
        ("mailto:a@chat.example.org?x", "mailto:X@chat.example.org <1 at chat.example.org>?x"),
        ("\u00e4@chat.example.org", "X@chat.example.org <1 at chat.example.org>"),
        ("a@chat.example.org@chat.example.org", "X@chat.example.org <1 at chat.example.org>@chat.example.org"),
        (" @chat.example.org", " @chat.example.org"),
    ],
)
def test_every_local_part_at_a_domain_of_ours_is_hidden(text: str, shown: str) -> None:
    """All of them, at each domain, in any case; the rest stays as it is."""
    assert redacted(text, CHAT, by_length) == shown


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "@chat.example.org" * 60_000, "a@" * 500_000, "@chat.example.org" + "-" * 1_000_000]
)
def test_a_long_text_costs_little(text: str) -> None:
    """It is read once."""
    began = time.process_time()
    redacted(text, CHAT, by_length)
    assert time.process_time() - began < 1


def test_what_an_address_is_stands_behind_it(chat: Chat) -> None:
    """Which one, for who lists them; nothing by which mail could be sent."""
    channel, reply = chat.channel("general"), chat.reply(Channel("general", "lunch"))
    text = f"{channel} {reply} nobody@chat.example.org"
    with chat.office.session() as session:
        shown = redacted(text, chat.gateway.form, lambda found: name_of(session, chat.gateway.form, chat.gateway.realm, found))
    assert shown == (
        f"{'X' * 40}@chat.example.org <Address to channel: 1> {'X' * 34}@chat.example.org <Reply address>"
        " XXXXXX@chat.example.org <Invalid address>"
    )
