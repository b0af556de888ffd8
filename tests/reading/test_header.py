"""The header reader: bounded, total, and agreed with what other readers see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import read_header

PLAIN = b"From: ann@example.org\r\nSubject: Hello\r\n there\r\nTo: a@example.org\r\nto: b@example.org\r\n\r\nBody\r\n"


@pytest.mark.parametrize("raw", [PLAIN, PLAIN.replace(b"\r\n", b"\n")], ids=["crlf", "lf"])
def test_line_ends(raw: bytes) -> None:
    """Lines may end with CRLF or LF, and the length says where the body starts."""
    header = read_header(raw)
    assert header.fields[0] == ("From", "ann@example.org")
    assert header.first("subject") == "Hello there"
    assert header.all("TO") == ("a@example.org", "b@example.org")
    assert raw[header.length :].strip() == b"Body"
    assert header.defects == ("duplicate-to",)


def test_missing_field() -> None:
    """A field that is not there has no values and no first one."""
    assert read_header(PLAIN).all("Cc") == ()
    assert read_header(PLAIN).first("Cc") is None


@pytest.mark.parametrize(
    ("raw", "defects", "rest"),
    [
        (b"", ("no-header",), b""),
        (b"\r\nBody", ("no-header",), b"Body"),
        (b"Only text.\nMore text.\n", ("field-without-colon", "no-header"), b"Only text.\nMore text.\n"),
        (b"Dear Ann: hello\n\nBye", ("bad-field-name", "no-header"), b"Dear Ann: hello\n\nBye"),
        (b"A: b\nHello,\nhow are you?\n\nBye", ("field-without-colon",), b"Hello,\nhow are you?\n\nBye"),
        (b"A: b\nstray\nC: d\n\nBody", ("field-without-colon",), b"Body"),
        (b"A : b\n\nBody", ("space-before-colon",), b"Body"),
        (b"A: b\0c\n\nBody", ("nul",), b"Body"),
        (b"A: b\rc\n\nBody", ("bare-cr",), b"Body"),
        (b"A: \xc3\xa9\n\nBody", ("eight-bit",), b"Body"),
        (b"A: b\n \n\t\n\nBody", ("blank-fold",), b"Body"),
        (b"A: b", (), b""),
        (b"From: a\nFROM: b\nDate: c\nDate: d\n\n", ("duplicate-from", "duplicate-date"), b""),
    ],
)
def test_defects(raw: bytes, defects: tuple[str, ...], rest: bytes) -> None:
    """What is wrong has a stable name, and text that is no header stays with the body."""
    header = read_header(raw)
    assert header.defects == defects
    assert raw[header.length :] == rest


@pytest.mark.parametrize(
    ("octets", "text"),
    [(b"J\xc3\xb6rg", "Jörg"), (b"J\xf6rg", "Jörg"), (b"J\xf6rg \xc3\xb6", "Jörg Ã¶"), (b"a\0b", "a\ufffdb")],
)
def test_octets_of_a_value(octets: bytes, text: str) -> None:
    """A value is UTF-8 where all of it is, else Latin-1, and holds no NUL."""
    assert read_header(b"X: " + octets + b"\n\n").first("X") == text


def test_mbox_line() -> None:
    """The "From " line of an mbox is no field."""
    header = read_header(b"From ann@example.org Thu Nov 19 10:00:00 2026\r\nFrom: bob@example.org\r\n\r\nBody")
    assert header.fields == (("From", "bob@example.org"),)
    assert header.defects == ()
    assert header.start == 47


def test_a_field_from_with_blanks_is_no_mbox_line() -> None:
    """Blanks before the colon are old, but they make no postmark (RFC 5322 section 4.5)."""
    header = read_header(b"From : ann@example.org\r\nTo: bob@example.org\r\n\r\nBody")
    assert header.fields == (("From", "ann@example.org"), ("To", "bob@example.org"))
    assert header.defects == ("space-before-colon",)
    assert header.start == 0


@pytest.mark.parametrize(
    ("raw", "octets"), [(b"", 0), (b"A: b\n\nBody", 5), (b"Only text\n" * 9, 90), (b"A: " + b"x" * 10**6, 256 * 1024)]
)
def test_octets_that_were_looked_at(raw: bytes, octets: int) -> None:
    """What it took to find the fields is told, also where there are none."""
    assert read_header(raw).octets == octets


def test_field_count_is_bounded() -> None:
    """Of 200,000 fields the first 1,000 are read, and the body is still found."""
    raw = b"".join(b"X-%d: y\r\n" % number for number in range(20_000)) + b"\r\nBody"
    header = read_header(raw)
    assert len(header.fields) == 1000
    assert header.cut
    assert "too-many-fields" in header.defects
    assert raw[header.length :] == b"Body"


def test_length_is_bounded() -> None:
    """Only the first 256 KiB of a header are looked at, and a field that the limit cuts is left out."""
    raw = b"A: 1\r\n" + b"B: " + b"x" * 300_000 + b"\r\nFrom: eve@example.org\r\n\r\nBody"
    header = read_header(raw)
    assert header.fields == (("A", "1"),)
    assert header.cut
    assert raw[header.length :] == b"Body"


def test_sound_fields() -> None:
    """Fields before the first line that may end the header are sound; every field is, when there is no such line."""
    assert read_header(b"A: 1\nB : 2\nC: 3\n\n").sound == 1
    assert read_header(b"A: 1\nB: 2\nstray\nC: 3\n\n").sound == 2
    assert read_header(b"A: 1\nB: 2\n\n").sound == 2
    assert read_header(b"A: 1\nB:\n \n 2\nC: 3\n\n").sound == 1


def test_part_of_a_mail() -> None:
    """A header is read anywhere in a mail, never behind the given end."""
    raw = b"xxxx\nA: 1\nB: 2\n\nBody"
    assert read_header(raw, 5).fields == (("A", "1"), ("B", "2"))
    assert read_header(raw, 5, 9).fields == (("A", "1"),)


line = st.sampled_from(
    [b"A: b", b" c", b"\t", b"", b"From x", b"x", b":", b"\0: \r", b"From : \xff", b"\r", b"Content-Type: x"]
)


@given(st.one_of(st.binary(max_size=300), st.lists(line, max_size=12).map(b"\n".join), st.lists(line).map(b"\r\n".join)))
def test_any_octets(raw: bytes) -> None:
    """Any octets have a header, whose values are one line each and whose length lies within them."""
    header = read_header(raw)
    assert 0 <= header.length <= len(raw)
    assert 0 <= header.sound <= len(header.fields)
    for name, value in header.fields:
        assert name.isascii() and name.isprintable() and ":" not in name and " " not in name
        assert not set(value) & set("\r\n\0")
