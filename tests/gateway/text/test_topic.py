"""The subject of a mail as the topic of a conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.gateway.text.topic import full_subject, is_forwarded, topic_of
from tests.cost import within

NONE = "Email with no subject"
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        ("Re: Fwd: Re: AW: SV: Re[12]: Test", "Test"),
        ("Fwd : Re : Re: Many", "Many"),
        ("Re  : : Re: Many", "Many"),
        ("Re; Many", "Many"),
        ("RE--", NONE),
        ("[RE: (no subject)]", "(no subject)"),
        ("this is the subject (fwd)", "this is the subject"),
        ("Re: [Fwd: ] Blonde Joke", "Blonde Joke"),
        ("Re: [Fwd: [Fwd: FW: Policy]]", "Policy"),
        ("Re: Fwd", NONE),
        ("FW: (Fwd) (Fwd) ", NONE),
        (": noah - should not match anything", ": noah - should not match anything"),
        ("Request - should not match anything", "Request - should not match anything"),
        ("Fwd: Re: fwd is an acronym (four-wheel drive)", "fwd is an acronym (four-wheel drive)"),
        ("Re - Many", "Many"),
        ("[Re: Many", "Many"),
        ("Many] ]", "Many"),
    ],
)
def test_markers_of_answers(subject: str, topic: str) -> None:
    """An answer has the topic of what it answers: the markers of mailers go, wherever they stand."""
    assert topic_of(subject) == topic


@pytest.mark.parametrize("subject", ["Bug in [foo]", "Let us re-open it", "Where is the release?", "[a] b [c]"])
def test_words_that_are_no_markers(subject: str) -> None:
    """A word that only begins like a marker stays, and so does a bracket that was opened."""
    assert topic_of(subject) == subject


@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        ("Test \0 subject", "Test  subject"),
        ("", NONE),
        (" \t\n", NONE),
        ("\x1b\ufffe\U0010ffff\ud800", NONE),
        ("gpj\u202e.exe\u202c", "gpj.exe"),
        ("one\r\n two\tthree\u2028four", "one  two three four"),
        ("\U0001f468\u200d\U0001f469 \u2764\ufe0f", "\U0001f468\u200d\U0001f469 \u2764\ufe0f"),
        ("@all <b>x</b>", "@all <b>x</b>"),
    ],
)
def test_characters(subject: str, topic: str) -> None:
    """A topic is one line of characters that have ink; markup in it is text for every chat."""
    assert topic_of(subject) == topic


@pytest.mark.parametrize(("length", "topic"), [(60, "é" * 60), (61, "é" * 57 + "...")])
def test_length(length: int, topic: str) -> None:
    """A topic has at most sixty characters, whatever they are; a longer one shows that it was cut."""
    assert topic_of("é" * length) == topic
    assert full_subject("é" * length) == "é" * length


def test_another_limit() -> None:
    """The limit is the chat's."""
    assert [topic_of("subject", limit) for limit in (7, 6, 2, 0)] == ["subject", "sub...", "..", ""]


@pytest.mark.parametrize(
    "subject", ["FWD: hey", "fwd: hi", "[fwd] subject", "FWD: RE:", "Fwd: RE: fwd: re: subject", "(Fw: x)"]
)
def test_forwarded(subject: str) -> None:
    """A mail is forwarded when its subject begins so."""
    assert is_forwarded(subject)


@pytest.mark.parametrize("subject", ["subject", "RE: FWD: hi", "AW: FWD: hi", "SV: FWD: hi", "FW 3.2 is out", "Fwdx: hi", ""])
def test_not_forwarded(subject: str) -> None:
    """An answer to a forwarded mail is an answer."""
    assert not is_forwarded(subject)


@pytest.mark.parametrize("piece", ["re ", "[ ", "]", "Re: ", "re[1", "re" + 99 * " ", "re\n"])
def test_a_huge_subject(piece: str) -> None:
    """A subject of a million characters takes no longer than reading it."""
    subject = (piece * (MILLION // len(piece) + 1))[:MILLION]
    within(1, lambda: (topic_of(subject), is_forwarded(subject)))


@given(st.text(st.characters() | st.sampled_from("Rr[]():;- \0\ud800"), max_size=80))
def test_any_subject(subject: str) -> None:
    """Any text is a topic that is not empty, can be encoded and is on one line."""
    topic = topic_of(subject)
    assert topic.strip()
    assert len(topic) <= 60
    assert topic.encode()
    assert "\n" not in topic
