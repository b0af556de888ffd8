"""What is posted, within the length that a chat allows."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.gateway.text.characters import BREAK
from mailproc.gateway.text.content import MARKER, content_of
from tests.cost import within

URL = "https://chat.example.org/1/"
IMAGE = ("image.png", f"{URL}image.png")
LINK = f"[image.png]({URL}image.png)"


def content(
    body: str = "Hello",
    *,
    sender: str | None = None,
    subject: str | None = None,
    links: Sequence[tuple[str, str]] = (),
    limit: int = 10_000,
) -> str:
    """The content of a post that has a text and nothing more, unless it is said."""
    return content_of(body, sender=sender, subject=subject, links=links, limit=limit)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "Hello"),
        ({"body": "\n Hello \n\n"}, " Hello"),
        ({"links": [IMAGE]}, f"Hello\n\n{LINK}"),
        ({"body": "Hello\n\n\n", "links": [IMAGE, IMAGE]}, f"Hello\n\n{LINK}\n{LINK}"),
        ({"body": " \0\n", "links": [IMAGE]}, LINK),
        ({"sender": "Ann <ann@example.org>"}, "**From:** Ann <ann@example.org>\n\nHello"),
        ({"subject": "Question"}, "**Subject:** Question\n\nHello"),
        ({"sender": "ann@example.org", "subject": "Question"}, "**From:** ann@example.org\n**Subject:** Question\n\nHello"),
        ({"sender": " \0"}, "**From:** (unknown)\n\nHello"),
        ({"body": "a\0b\ud800c"}, "abc"),
        ({"body": "", "sender": None}, ""),
    ],
)
def test_layout(given: dict[str, object], shown: str) -> None:
    """Who and what about stand above the text, the files a blank line below it."""
    assert content(**given) == shown  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "Jürgen <j@example.org>"),
        ("Ann <=?utf-8?b?YW5u?=@example.org>", "Ann <ann@example.org>"),
        ("=?utf-8?q?Ann=0D=0A=0D=0A@all?= <a@example.org>", f"Ann @{BREAK}all <a@example.org>"),
        ("=?utf-8?q?gpj=E2=80=AEx?= <a@example.org>", "gpjx <a@example.org>"),
        ("`[x](https://evil.example) <b>", f"'[x]{BREAK}(https://evil.example) <{BREAK}b>"),
    ],
)
def test_sender(sender: str, shown: str) -> None:
    """The sender is decoded and on one line, and can do no more there than in the text."""
    assert content(sender=sender) == f"**From:** {shown}\n\nHello"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Übersicht \U0001f600.pdf", "Übersicht \U0001f600.pdf"),
        ("a](https://evil.example)[b.png", "a)(https://evil.example)(b.png"),
        ("![x].png", "!(x).png"),
        ("a\\", "a/"),
        ("@**all**.txt", f"@{BREAK}**all**.txt"),
        ("<img src=x>", f"<{BREAK}img src=x>"),
        ("a\n\n```b`", "a '''b'"),
        ("exe.\u202egpj", "exe.gpj"),
        ("", "unnamed"),
        ("a" * 300, "a" * 200 + "..."),
    ],
)
def test_names_of_files(name: str, shown: str) -> None:
    """A name of a file is kept as far as it is one, and stays within its brackets."""
    assert content(links=[(name, URL)]) == f"Hello\n\n[{shown}]({URL})"


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("/user_uploads/1/a b.png", "[f](/user_uploads/1/a%20b.png)"),
        (f"{URL}a)(b\n`<\u00e9>\"'|", f"[f]({URL}a%29%28b%0A%60%3C%C3%A9%3E%22%27%7C)"),
        (f"{URL}@ann?a=b&c=%20#d", f"[f]({URL}@ann?a=b&c=%20#d)"),
        ("javascript:alert(1)", "f"),
        ("//evil.example", "f"),
        (URL + "a" * 5000, "f"),
    ],
)
def test_addresses_of_files(address: str, link: str) -> None:
    """Where a file is to be had is what the chat said, if that is the web; it cannot leave its brackets either."""
    assert content(links=[("f", address)]) == f"Hello\n\n{link}"


def test_the_body_is_cut() -> None:
    """Of what is too long the text is cut, and says so; all else stays."""
    shown = content("a" * 20_000, sender="Ann", subject="Question", links=[IMAGE, IMAGE])
    assert shown.startswith("**From:** Ann\n**Subject:** Question\n\naaa")
    assert shown.endswith(f"aaa\n{MARKER}\n{LINK}\n{LINK}")
    assert len(shown) == 10_000


def test_what_just_fits_is_not_cut() -> None:
    """The limit counts characters, not octets, and is reached."""
    assert content("é" * 10_000) == "é" * 10_000
    assert content("é" * 10_001) == "é" * (10_000 - len(MARKER) - 1) + f"\n{MARKER}"


def test_what_grows_is_cut() -> None:
    """The limit holds for what is sent, with all that makes the text harmless."""
    shown = content("@" * 10_000)
    assert len(shown) in (9_999, 10_000)
    assert shown.endswith(f"@{BREAK}\n{MARKER}")


def test_a_link_that_is_cut() -> None:
    """Where a link or an address is cut in two, the rest does nothing that the whole did not."""
    for length in range(30, 60):
        shown = content("[x](https://example.org/) ann@example.org @ann", limit=length)
        assert len(shown) <= length
        assert "](https://example.org/" not in shown.replace("](https://example.org/)", "")


def test_a_block_that_is_cut() -> None:
    """A block of code is closed before what is added."""
    shown = content("```\n" + "code\n" * 5_000, links=[IMAGE])
    assert shown.endswith(f"\n```\n{MARKER}\n{LINK}")
    assert len(shown) <= 10_000
    assert content("```\ncode", links=[IMAGE]) == f"```\ncode\n```\n\n{LINK}"


def test_too_many_links() -> None:
    """Of links that do not fit the first are shown, and how many are not."""
    shown = content(links=[(f"f{number}", URL) for number in range(10_000)])
    assert len(shown) <= 10_000
    lines = shown.split("\n")
    files = [line for line in lines if line.startswith("[f")]
    assert files == [f"[f{number}]({URL})" for number in range(len(files))]
    assert len(files) > 250
    assert lines[-1] == f"(and {10_000 - len(files)} more files)"


def test_one_link_too_many() -> None:
    """A single link that is too long is counted, too."""
    assert content(links=[("f", URL + "a" * 3000)], limit=1000) == "Hello\n\n(and 1 more file)"


def test_a_long_head() -> None:
    """A huge sender and subject leave room for the text."""
    shown = content(sender="@" * 1_000_000, subject="@" * 1_000_000, limit=1000)
    assert shown.endswith("\n\nHello")
    assert len(shown) <= 1000


HUGE = 1_000_000


@pytest.mark.parametrize(
    "piece", ["@**all** ", "<b>", "](http://evil.example)", "\u202e\0\ud800", "=?utf-8?q?x?= ", "```\n", "~~~ ~\n"]
)
def test_huge_and_hostile(piece: str) -> None:
    """A million characters in every field, and ten thousand files, take less than a second."""
    text = piece * (HUGE // len(piece))
    links = [(text, text), *[(piece, URL)] * 10_000]
    shown = within(1, lambda: content(text, sender=text, subject=text, links=links))
    assert len(shown) <= 10_000
    assert "\0" not in shown
    assert shown.encode()


TEXT = st.text(st.sampled_from("@ab.[](<>)`~\n !/*\0"), max_size=120)


@given(TEXT, st.none() | TEXT, st.none() | TEXT, st.lists(st.tuples(TEXT, st.just(URL)), max_size=4), st.integers(0, 300))
def test_any_content(body: str, sender: str | None, subject: str | None, links: list[tuple[str, str]], limit: int) -> None:
    """Whatever there is to be said is within the limit, and has nothing at its end that is not seen."""
    shown = content_of(body, sender=sender, subject=subject, links=links, limit=limit)
    assert len(shown) <= limit
    assert shown == shown.rstrip()
