"""Media types and their parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import read_header, top_type
from mailproc.reading.mediatype import parameters


def typed(value: str) -> tuple[str, dict[str, str]]:
    """The type of a header with this Content-Type."""
    return top_type(read_header(f"Content-Type: {value}\n\n".encode()))


@pytest.mark.parametrize(
    ("value", "media_type", "found"),
    [
        ("text/plain", "text/plain", {}),
        ("TEXT/Html; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('multipart/mixed; boundary="a b;c"; x=y', "multipart/mixed", {"boundary": "a b;c", "x": "y"}),
        ('multipart/mixed; boundary="a\\"b"', "multipart/mixed", {"boundary": 'a"b'}),
        ("multipart/mixed (; boundary=evil); boundary=good", "multipart/mixed", {"boundary": "good"}),
        ("multipart/mixed; boundary=one; boundary=two", "multipart/mixed", {"boundary": "one"}),
        ('multipart/mixed; boundary="open', "multipart/mixed", {"boundary": "open"}),
        ("multipart/mixed;\tboundary = spaced ", "multipart/mixed", {"boundary": "spaced"}),
        ("a/b; name=my file.txt; x=1", "a/b", {"name": "my file.txt", "x": "1"}),
        ("a/b;;; =; x=", "a/b", {"x": ""}),
        ("a/b; name*=utf-8'de'Gr%C3%BC%C3%9Fe", "a/b", {"name": "Grüße"}),
        ("a/b; name*=iso-8859-1''%E9; name=e", "a/b", {"name": "é"}),
        ("a/b; name*0*=utf-8''%C3; name*1*=%A9; name*2=\"-x\"", "a/b", {"name": "é-x"}),
        ("a/b; name*1=b; name*0=a; name*3=d", "a/b", {"name": "ab"}),
        ("a/b; name*0=a; name*0=b", "a/b", {"name": "a"}),
        ("a/b; name*1=b; name=whole", "a/b", {"name": "whole"}),
        ("a/b; name*=%ZZ", "a/b", {"name": "%ZZ"}),
        ("", "text/plain", {}),
        ("text", "text/plain", {}),
        ("text/", "text/plain", {}),
        ("a/b/c", "text/plain", {}),
        ("te\x00xt/plain; charset=x", "text/plain", {}),
        ("\xa0text/html; charset=x", "text/plain", {}),
        ("text/html\u2003; charset=x", "text/plain", {}),
        ("text/html; charset=x\xa0", "text/html", {"charset": "x\xa0"}),
    ],
)
def test_types(value: str, media_type: str, found: dict[str, str]) -> None:
    """A type is lower-case with its parameters; a malformed one is plain text."""
    assert typed(value) == (media_type, found)


def test_topmost_type() -> None:
    """Of two Content-Type fields the topmost counts, and the second one is a defect."""
    header = read_header(b"Content-Type: text/html\nContent-Type: multipart/report\n\n")
    assert top_type(header)[0] == "text/html"
    assert header.defects == ("duplicate-content-type",)


def test_missing_type() -> None:
    """A mail without a Content-Type is plain text."""
    assert top_type(read_header(b"Subject: x\n\n")) == ("text/plain", {})


def test_many_sections() -> None:
    """A continuation of 20,000 sections is read up to the limit of parameters."""
    value = "; ".join(f"name*{number}=x" for number in range(20_000))
    assert parameters(f"a/b; {value}") == {"name": "x" * 1000}


words = st.sampled_from([";", "=", '"', "\\", "*", "0", "1", "'", "%C3", "%", "name", "utf-8''", " ", "(", ")", "x", "\ud800"])


@given(st.one_of(st.text(), st.lists(words).map("".join)))
def test_any_parameters(value: str) -> None:
    """Any value has parameters with lower-case names."""
    assert all(name == name.lower() for name in parameters(f"a/b; {value}"))
