"""Text that is safe to send."""

from __future__ import annotations

import quopri
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.answers.plaintext import CUT_MARK, LONGEST_TEXT, WIDTH, clean, encode, quoted_printable, wrap

ID = "OOPS-1KQ3F-7X2M-9ZT4C"
PIECES = st.lists(st.sampled_from(["ä", "word", " ", "\n", "=", ".", "From ", "\t", "x" * 80, "ß" * 30]), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("red: \x1b[31m", "red: \\x1b[31m"),
        ("nul\x00 bell\x07 nel\x85", "nul\\x00 bell\\x07 nel\\x85"),
        ("abc\u202edcba\u2028", "abc\\u202edcba\\u2028"),
        ("\udc80", "\\udc80"),
        ("tab\tstays, öäü שלום 👩\u200d👧 too", "tab\tstays, öäü שלום 👩\u200d👧 too"),
    ],
)
def test_harmful_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    """Nothing is hidden, and letters of every script and joined emoji stay."""
    assert clean(text) == shown


def test_endless_text_is_cut_and_says_so() -> None:
    """A text of any length becomes one of bounded length."""
    assert clean("x" * 10_000_000) == "x" * LONGEST_TEXT + CUT_MARK


@given(st.text(st.characters()))
def test_clean_text_can_be_encoded(text: str) -> None:
    """Any string, also with halves of surrogate pairs, ends as UTF-8 without controls."""
    shown = clean(text)
    shown.encode("utf-8")
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in shown)


def test_lines_are_wrapped_between_words() -> None:
    """Lines have at most 72 columns; long words and indented lines stay whole."""
    long_word = "https://example.org/" + "x" * 100
    indented = "    " + "word " * 30
    wrapped = wrap("word " * 40 + "\n" + long_word + "\n" + indented + "\n-- \nfooter")
    assert all(len(line) <= WIDTH for line in wrapped.split("\n") if "x" not in line and not line.startswith(" "))
    assert long_word in wrapped.split("\n")
    assert indented in wrapped.split("\n")
    assert "\n-- \n" in wrapped


def test_ascii_goes_out_as_it_is() -> None:
    """Short ASCII lines need no encoding."""
    assert encode("hello\n\nworld") == ("7bit", b"hello\r\n\r\nworld\r\n")


@given(st.binary())
def test_quoted_printable_can_be_undone(octets: bytes) -> None:
    """What a decoder makes of it is the text with CRLF line ends, and no row is longer than 76."""
    encoded = quoted_printable(octets)
    assert quopri.decodestring(encoded) == re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    assert all(len(row) <= 76 and row.isascii() and not row.endswith((b" ", b"\t")) for row in encoded.split(b"\r\n"))


@given(PIECES, PIECES)
def test_oops_id_is_never_broken(before: list[str], after: list[str]) -> None:
    """Wherever the id stands in a text, it is whole on one line of what is sent."""
    encoding, body = encode(wrap(clean("".join([*before, " ", ID, " ", *after]))))
    assert encoding in ("7bit", "quoted-printable")
    assert any(ID.encode() in row for row in body.split(b"\r\n"))
    assert body.isascii()
    assert all(len(row) <= 78 for row in body.split(b"\r\n"))
