"""Text whose lines flow (RFC 3676)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading.flowed import unflow


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("", ""),
        ("one\ntwo\n", "one\ntwo\n"),
        ("one \ntwo \nthree\nfour\n", "one two three\nfour\n"),
        ("one \n\ntwo", "one \n\ntwo"),
        (" >one\n  two\n From me", ">one\n two\nFrom me"),
        ("> one \n> two\n> three", "> one two\n> three"),
        (">one \n>two", ">one two"),
        ("> one \n>> two \nthree", "> one \n>> two \nthree"),
        ("> > one", "> > one"),
        ("one \n-- \nBob", "one \n-- \nBob"),
        ("> -- \n> Bob", "> -- \n> Bob"),
        ("one ", "one "),
        ("one \n", "one \n"),
    ],
)
def test_soft_line_breaks(flowed: str, text: str) -> None:
    """Lines that end with a blank go on in the next one of the same depth, and one blank at the start is stuffing."""
    assert unflow(flowed) == text


def test_deleted_space() -> None:
    """Where the blank is none of the text, words are joined; a signature keeps its own."""
    assert unflow("one  \ntwo \nthree\n-- \nBob", delete_space=True) == "one twothree\n-- \nBob"


@given(st.text(st.sampled_from("> -\nab"), max_size=60), st.booleans())
def test_any_text(text: str, delete_space: bool) -> None:
    """No text grows, and no letter of it is lost."""
    whole = unflow(text, delete_space=delete_space)
    assert len(whole) <= len(text)
    assert [c for c in whole if c in "ab-"] == [c for c in text if c in "ab-"]


@given(st.lists(st.text("ab >", max_size=20).map(str.rstrip)))
def test_what_a_sender_stuffs(lines: list[str]) -> None:
    """Lines that were stuffed as the standard asks come back as they were."""
    stuffed = "\n".join(f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines)
    assert unflow(stuffed) == "\n".join(lines)
