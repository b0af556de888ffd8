"""Lists of tags and values (RFC 6376 section 3.2)."""

import pytest

from mailproc.dkim.tags import Unfit, read_base64, read_list, read_tags, without_blanks


@pytest.mark.parametrize(
    "text, tags",
    [
        ("", {}),
        (" \t", {}),
        ("v=1", {"v": "1"}),
        ("v=1;", {"v": "1"}),
        ("v=1; ", {"v": "1"}),
        (" v \t= 1 ;\ta=b c ", {"v": "1", "a": "b c"}),
        ("p=", {"p": ""}),
        ("p=a=b==", {"p": "a=b=="}),
        ("a=1;A=2", {"a": "1", "A": "2"}),
        ("a_1=!~", {"a_1": "!~"}),
    ],
)
def test_a_list(text: str, tags: dict[str, str]) -> None:
    """Blanks around names and values are left out, and the order is kept."""
    assert list(read_tags(text, "it").items()) == list(tags.items())


@pytest.mark.parametrize(
    "text", [";", "v", "v=1;;a=2", "=1", "1v=1", "a b=1", "a-b=1", "_a=1", "a=\u00e4", "a=\x00", "a=b\nc", "\u00e4=1"]
)
def test_no_list(text: str) -> None:
    """What is no list of tags is refused with its name."""
    with pytest.raises(Unfit, match=r"^the list is not well formed$"):
        read_tags(text, "the list")


@pytest.mark.parametrize("text", ["v=1;v=1", "v=1; a=2; v =3"])
def test_a_tag_twice(text: str) -> None:
    """A tag that stands twice makes all of the list invalid, even with the same value."""
    with pytest.raises(Unfit, match=r"^the list has the tag v= twice$"):
        read_tags(text, "the list")


@pytest.mark.parametrize("value, items", [("", [""]), ("From", ["from"]), (" From :\tsubject: ", ["from", "subject", ""])])
def test_items(value: str, items: list[str]) -> None:
    """The items of a value are without blanks and in lower case."""
    assert read_list(value) == items


@pytest.mark.parametrize("value, octets", [("", b""), ("YWJj", b"abc"), ("YW \tJj", b"abc"), ("YQ==", b"a")])
def test_base64(value: str, octets: bytes) -> None:
    """Base64 may be broken by blanks."""
    assert read_base64(value) == octets


@pytest.mark.parametrize("value", ["YQ", "YQ=", "Y", "YQ==YQ==", "YW-_", "YWJj\u00e4", "YWJj!"])
def test_no_base64(value: str) -> None:
    """Other letters, and missing ones, are not read over."""
    assert read_base64(value) is None


def test_blanks() -> None:
    """A broken value is made whole."""
    assert without_blanks(" a \t b ") == "ab"
