"""What a person wrote in a reply."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import reply_text

ON = "On Thu, Nov 19, 2026 at 10:00 AM Ann <ann@example.org> wrote:"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (f"Yes.\n\n{ON}\n\n> Shall we?\n> Ann\n", "Yes."),
        ("Yes.\n\nOn Thu, Nov 19, 2026 at 10:00 AM Ann Very Long Name\n<ann@example.org> wrote:\n\n> Shall we?\n", "Yes."),
        ("Ja.\n\nAm Do., 19. Nov. 2026 um 10:00 Uhr schrieb Ann <ann@example.org>:\n\n> Sollen wir?\n", "Ja."),
        ("Ja.\n\nVon: Ann\nGesendet: Donnerstag, 19. November\nAn: Bob\nBetreff: Frage\n\nSollen wir?\n", "Ja."),
        ("Yes.\n\n-----Original Message-----\nFrom: Ann\nSent: Thursday\nTo: Bob\nSubject: x\n\nShall we?\n", "Yes."),
        ("Yes.\n\n________________________________\nFrom: Ann\nSent: Thursday\nTo: Bob\nSubject: x\n\nShall we?\n", "Yes."),
        ("Oui.\n\nLe jeu. 19 nov. 2026 à 10:00, Ann <ann@example.org> a écrit :\n\n> On y va ?\n", "Oui."),
        (f"Yes.\r\n\r\n{ON}\r\n> Shall we?\r\n", "Yes."),
        ("Yes.\n\nSent from my iPhone\n\n> On 19 Nov 2026, at 10:00, Ann <ann@example.org> wrote:\n> \n> Shall we?\n", "Yes."),
        ("Yes.\n\nGet Outlook for Android\n", "Yes."),
        ("Hello\n\n-- \nBob\nExample Ltd\n", "Hello"),
        (f"Hello\n\n-- \nBob\n\n{ON}\n> Shall we?\n> -- \n> Ann\n", "Hello"),
        (f"{ON}\n> Shall we?\n> Ann\n\nYes.\n\n-- \nBob\n", "Yes."),
        (f"Hi Ann,\n\n{ON}\n> Shall we?\n\nYes.\n", "Hi Ann,\n\nYes."),
        (f"Hi Ann,\n\n{ON}\n{'> word ' * 100}\n\nYes.\n", "Hi Ann,\n\nYes."),
        ("\n\n  indented\n\n> a\n> b\n> c\n", "  indented"),
    ],
)
def test_replies(text: str, own: str) -> None:
    """Quotes and signatures of the usual mailers go."""
    assert reply_text(text) == own


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        " affects foo\n status new\n\nText\n done",
        f"Hi,\n\n{ON}\n> one?\nYes\n> two?\nNo\n> three?\n\nMaybe",
        f"{ON}\n> one?\nYes\n> two?\nNo",
        "Look:\n> a\n> b\n> c\nI do not think so.",
        "From: the start I said so.\nOn Monday I wrote:\nit is broken, and it still is.",
        "A patch.\n\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b",
        "> a\n> b\n> c",
        "-- \nBob",
        "Sent from my iPhone",
        f"{ON}\n\n> all of it\n> is a quote",
        "   \n\n",
        "Yes.\n\n" + "> x\n" * 6000,
        "Yes.\n\n> " + "x" * 300_000,
    ],
)
def test_kept_whole(text: str) -> None:
    """Where it is not certain what the person wrote, all of it is kept."""
    assert reply_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "to:\n" * 5000,
        "> to:\n" * 5000,
        "to: x\n" * 5000,
        ("Op" + " heeft" * 39 + "\n") * 1050,
        ("2020/1/1 " + " <" * 60 + "@" * 60 + "\n") * 1000,
        "Am" + " schrieb" * 30_000,
        ">a\n" * 5000,
    ],
    ids=range(7),
)
def test_time_is_bounded(text: str) -> None:
    """No text of the permitted size takes long, whatever the library's expressions make of it."""
    started = time.process_time()
    reply_text(text)
    assert time.process_time() - started < 5


texts = st.lists(
    st.sampled_from([ON, "> a", ">", "", "  ", "-- ", "Yes", "From: a", "To: b", "Sent from my x", "> On 1 wrote:", " " * 300])
)


@given(st.one_of(st.text(), texts.map("\n".join)))
def test_any_text(text: str) -> None:
    """Any text has a reply text, which is not empty unless all of it is."""
    assert bool(reply_text(text).strip()) == bool(text.strip())
