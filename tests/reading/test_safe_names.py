"""File names made of what senders write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading.attachments import safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ann\\a.txt", "a.txt"),
        ("..", "unnamed"),
        (".", "unnamed"),
        ("", "unnamed"),
        ("a/", "unnamed"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("~root", "root"),
        ("a\0b\r\nc.txt", "a_b__c.txt"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("a. . ", "a"),
        ("CON", "_CON"),
        ("con.tar.gz", "_con.tar.gz"),
        ("Lpt1 .txt", "_Lpt1 .txt"),
        ("COM\u00b9", "_COM\u00b9"),
        ("console.txt", "console.txt"),
        ("a:b*c?.txt", "a_b_c_.txt"),
        ("$(id)`id`|x", "_(id)_id__x"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("Grüße.txt", "Grüße.txt"),
        ("a  b.txt", "a b.txt"),
    ],
)
def test_names(name: str, safe: str) -> None:
    """A safe name is the last part of the name without anything that a file system or a shell would act on."""
    assert safe_name(name) == safe


def test_long_names() -> None:
    """A name that is too long keeps its suffix."""
    assert safe_name("é" * 4096 + ".txt").endswith("é.txt")
    assert len(safe_name("é" * 4096 + ".txt").encode()) <= 200


@given(st.one_of(st.text(), st.text(alphabet="./\\ ~-conAUX:\u202e1é", max_size=12), st.text(min_size=200, max_size=600)))
def test_any_name(name: str) -> None:
    """Any name has a safe one: short, visible, printable, and no path."""
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 200
    assert safe.isprintable()
    assert not set(safe) & set('/\\:*?"<>|')
    assert safe[0] not in ".- ~" and safe[-1] not in ". "
    assert safe.split(".")[0].strip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}
