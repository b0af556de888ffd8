"""Charsets, encoded words, dates, comments and lines for display."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import decode_text, decode_words, one_line, without_comments
from mailproc.reading.charsets import is_known
from mailproc.reading.dates import read_date


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"\xc3\xa9", "utf-8", "é"),
        (b"\xc3\xa9", "UTF8", "é"),
        (b"\xc3\xa9", None, "é"),
        (b"\xe9", None, "é"),
        (b"\xe9", "X-UNKNOWN", "é"),
        (b"\xe9", "us-ascii", "é"),
        (b"\xe9", "ISO-8859-1", "é"),
        (b"\x93x\x94", "iso-8859-1", "“x”"),
        (b"\x8e", "macintosh", "é"),
        (b"\xe9\xec", "iso-8859-8-i", "יל"),
        (b"\xa4", "iso_8859-15", "€"),
        (b"\x82\xa0", "Shift_JIS", "あ"),
        (b'\x1b$B$"\x1b(B', "iso-2022-jp", "あ"),
        (b"\xc4\xe3", "gb2312", "你"),
        (b"\xb0\xa1", "ks_c_5601-1987", "가"),
        (b"\xff\xfea\0", "utf-16", "a"),
        (b"\xff", "utf-8", "\ufffd"),
        (b"x", '"utf-8"', "x"),
    ],
)
def test_charsets(data: bytes, charset: str | None, text: str) -> None:
    """The names that mail uses are known, and what does not decode is replaced."""
    assert decode_text(data, charset) == text


@pytest.mark.parametrize(
    "charset", ["zlib", "rot13", "idna", "unicode_escape", "utf-7", "base64", "a\0b", "x" * 9999, "undefined"]
)
def test_no_other_codecs(charset: str) -> None:
    """Python's other codecs are not to be had by naming them in a mail."""
    assert not is_known(charset)
    assert decode_text(b"+ADw-\\x41 eJwD", charset) == "+ADw-\\x41 eJwD"


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.text(), st.sampled_from(["hz", "hz-gb-2312", "iso-2022-jp", "utf-16", "big5"])),
)
def test_any_octets_in_any_charset(data: bytes, charset: str | None) -> None:
    """Any octets decode in any charset, to text that can be encoded again."""
    decode_text(data, charset).encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC?=", "Grü"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= \t =?iso-8859-1?q?=E9?= c", "aé c"),
        ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("=?utf-8?q?a_b?=", "a b"),
        ("=?nowhere?q?a=E9?=", "aé"),
        ("=?utf-8?a?hello_world?=", "=?utf-8?a?hello_world?="),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("=?utf-8?q??=", ""),
        ("x =?utf-8?q??= y", "x  y"),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    """Encoded words become text, blanks between two of them go, and what is none stays."""
    assert decode_words(value) == text


def test_false_base64_word() -> None:
    """A word that is no base64 decodes to whatever it decodes to."""
    assert "=?" not in decode_words("=?utf-8?b?hello_world?=")


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["=?utf-8?q?=C3?=", " ", "=?", "?=", "?b?", "x", "=?big5?b?/w==?="])).map("".join)
    )
)
def test_any_encoded_words(value: str) -> None:
    """Any value decodes."""
    decode_words(value)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Thu, 19 Nov 2026 10:00:00 +0100", datetime(2026, 11, 19, 9, tzinfo=UTC)),
        ("19 Nov 2026 10:00 GMT", datetime(2026, 11, 19, 10, tzinfo=UTC)),
        ("Thu, 19 Nov 2026 10:00:00 -0000", datetime(2026, 11, 19, 10, tzinfo=UTC)),
        ("Thu, 19 Nov 2026 10:00:00 EST (a zone)", datetime(2026, 11, 19, 15, tzinfo=UTC)),
        ("Thu, 19 Nov 26 10:00:00", datetime(2026, 11, 19, 10, tzinfo=UTC)),
        ("Thu,19 November 2026 23:59:60 +0000", datetime(2026, 11, 19, 23, 59, 59, tzinfo=UTC)),
        ("1 Jan 99 00:00 +0000", datetime(1999, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates(value: str, moment: datetime) -> None:
    """A Date field names a moment, in every form that RFC 5322 has."""
    assert read_date(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        "19 Nov 0000 10:00 +0000",
        "19 Nov 9999 10:00 +0000",
        "19 Nov 99999 10:00 +0000",
        "31 Feb 2026 10:00 +0000",
        "19 Nov 2026 25:00 +0000",
        "19 Nov 2026 10:00 +9999",
        "19 Nov 2026 10:00 +0199",
        "19 Foo 2026 10:00",
        "(" * 999,
        "1 Jan 1970 00:00 +0000",
    ],
)
def test_no_dates(value: str | None) -> None:
    """What is missing, malformed or absurd is no date."""
    assert read_date(value) is None


@given(st.one_of(st.text(), st.from_regex(r"[0-9]{1,2} (Jan|Feb) [0-9]{2,4} [0-9]{1,2}:[0-9]{2}(:[0-9]{2})? [+-][0-9]{4}")))
def test_any_date(value: str) -> None:
    """Any value is a moment of the age of mail, aware, or no date."""
    found = read_date(value)
    assert found is None or (1982 <= found.year < 2100 and abs(found.utcoffset() or timedelta()) < timedelta(days=1))


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("no (really)", "no  "),
        ("a(b(c)d)e", "a e"),
        ('a "(b)" c', 'a "(b)" c'),
        ('(it"s) "(x)"', '  "(x)"'),
        ("a (open", "a  "),
        (r"a (b\)c) d", "a   d"),
        ("a ) b", "a ) b"),
    ],
)
def test_comments(value: str, rest: str) -> None:
    """Comments nest and go; in quoted strings there are none."""
    assert without_comments(value) == rest


def test_comments_are_bounded() -> None:
    """Behind a hundred comments nothing is read any more, as behind one that is not closed."""
    assert without_comments("a" + "(x)" * 99 + "b") == "a" + " " * 99 + "b"
    assert without_comments("a" + "(x)" * 200 + "b").rstrip() == "a"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a\r\n b\tc ", "a b c"),
        ("a\x1b[2Jb", "a [2Jb"),
        ("a\u202eb\u200bc\ufeffd", "abcd"),
        ("a\x00b\x9bc\u2028d", "a b c d"),
        ("a\u034fb\ufe0fc", "abc"),
        ("Grüße יל", "Grüße יל"),
        ("\ud800x", "x"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    """A line for display has no control, bidirectional or invisible characters."""
    assert one_line(text) == shown


def test_one_line_is_cut() -> None:
    """A line that is too long ends with dots within the limit."""
    assert one_line("x" * 500, 10) == "xxxxxxx..."
    assert one_line("x" * 10, 10) == "x" * 10
    assert len(one_line(" " * 5000 + "x", 10)) <= 10


@given(st.text(), st.integers(0, 60))
def test_any_text_on_one_line(text: str, limit: int) -> None:
    """Any text is one line of printable characters within the limit."""
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)
    shown.encode()
