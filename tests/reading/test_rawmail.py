"""A raw mail is edited as text: what is not named stays as it came, and no value can begin a field of its own."""

from __future__ import annotations

import time
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailproc.rawmail import Field, RawMail, encoded_words, phrase, write_field
from mailproc.reading import decode_words, read_header

MAIL = (
    b"Return-Path: <ann@example.org>\r\n"
    b"Received: from a by b;\r\n\tMon, 02 Nov 2026 10:00:00 +0000\r\n"
    b"X-Weird:nospace\r\n"
    b"subject : What we\r\n  said \r\n"
    b"To: list@example.net\r\n"
    b"\r\n"
    b"It is  fine.\n\r\n"
)
PIECES = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"A", b"From ", b"Subject: x\r\n", b"\r\n\r\n", b"\xff", b"\0"])
    | st.binary(max_size=3),
    max_size=30,
).map(b"".join)
RAW = st.binary(max_size=200) | PIECES


def is_mbox(raw: bytes) -> bool:
    """Whether a line "From " stands above the mail."""
    return read_header(raw).start > 0


@settings(deadline=None)
@given(RAW)
@example(MAIL)
@example(b" x\r\nA: b\r\n\r\n")
@example(b"A: b\r\n\r\r\n\r\nc")
def test_what_was_read_is_given_back(raw: bytes) -> None:
    """Any bytes come out as they went in, without the line of an mbox."""
    assert RawMail.read(raw).to_bytes() == raw[read_header(raw).start :]


@settings(deadline=None)
@given(RAW)
def test_an_added_field_is_read_back_and_nothing_else_changes(raw: bytes) -> None:
    """Whatever the mail is, a field on top of it has exactly its value for a reader, and all other fields stay."""
    before = RawMail.read(raw)
    after = RawMail.read(before.on_top("X-Mark", "ours alone").to_bytes())
    assert read_header(after.to_bytes()).all("X-Mark")[0] == "ours alone"
    kept = [field.raw.rstrip(b"\r\n") for field in after.fields if field != after.first("X-Mark")]
    assert kept == [field.raw.rstrip(b"\r\n") for field in before.fields]
    assert after.body == before.body


@settings(deadline=None)
@given(RAW, st.text(max_size=60))
def test_no_value_begins_a_field(raw: bytes, value: str) -> None:
    """A value is refused, or is one field whose text is the value."""
    mail = RawMail.read(b"A: b\r\n\r\n" + raw)
    try:
        changed = mail.replaced("X-Value", value)
    except ValueError:
        return
    again = RawMail.read(changed.to_bytes())
    assert [field.name for field in again.fields] == ["X-Value", "A"]
    assert again.body == raw
    assert decode_words(again.fields[0].value).replace(" ", "") == decode_words(value).replace(" ", "")


@pytest.mark.parametrize("value", ["a\r\nBcc: x", "a\nb", "a\rb", "a\0b", "a\x0bb", "a\x85b", "a\u2028b", "a\tb", "\ud800"])
def test_control_characters_are_refused(value: str) -> None:
    """A line end, a NUL or another control character is an error of the author's, before anything is written."""
    for change in (RawMail.read(MAIL).replaced, RawMail.read(MAIL).on_top):
        with pytest.raises(ValueError, match="one line of text"):
            change("Subject", value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "\xe4", "x" * 77])
def test_a_name_is_a_name(name: str) -> None:
    """A field is named by visible ASCII without a colon (RFC 5322 section 2.2)."""
    with pytest.raises(ValueError, match="no name of a field"):
        RawMail.read(MAIL).on_top(name, "x")


def test_fields() -> None:
    """Each field has its name and its bytes, with its folds."""
    mail = RawMail.read(MAIL)
    assert [field.name for field in mail.fields] == ["Return-Path", "Received", "X-Weird", "subject", "To"]
    assert mail.first("SUBJECT") == Field("subject", b"subject : What we\r\n  said \r\n")
    assert [field.value for field in mail.all("subject")] == ["What we  said"]
    assert mail.first("Cc") is None
    assert mail.body == b"It is  fine.\n\r\n"


@pytest.mark.parametrize("raw", [MAIL, MAIL.replace(b"\r\n", b"\n"), b"A: \xff\0\xc3\xa4\r\n\n", b"A:\r\n b\r\n\tc\r\n\r\n"])
def test_values_are_those_that_the_reader_reads(raw: bytes) -> None:
    """The text of a field is the one that `mailproc.reading` finds."""
    assert tuple((field.name, field.value) for field in RawMail.read(raw).fields) == read_header(raw).fields


def test_replaced_in_its_place() -> None:
    """The first field of the name gets the value, further ones are left out, and the others do not move."""
    mail = RawMail.read(MAIL.replace(b"To:", b"SUBJECT: again\r\nTo:")).replaced("Subject", "new")
    assert mail.to_bytes() == MAIL.replace(b"subject : What we\r\n  said \r\n", b"Subject: new\r\n")


def test_a_new_field_stands_below_the_trace() -> None:
    """What is not there yet comes below what the relays wrote on top, and keeps their fields together."""
    mail = RawMail.read(MAIL).replaced("List-Id", "<x.example.net>")
    assert mail.to_bytes() == MAIL.replace(b"X-Weird", b"List-Id: <x.example.net>\r\nX-Weird")


def test_without() -> None:
    """Fields are left out by name, with all their lines; where there are none the mail is the same."""
    mail = RawMail.read(MAIL)
    assert mail.without("SUBJECT", "Received").to_bytes() == MAIL.replace(b"subject : What we\r\n  said \r\n", b"").replace(
        b"Received: from a by b;\r\n\tMon, 02 Nov 2026 10:00:00 +0000\r\n", b""
    )
    assert mail.without("Cc", "") is mail


def test_line_ends_are_those_of_the_mail() -> None:
    """A mail with lone LF gets fields with LF, and on the wire CRLF throughout."""
    mail = RawMail.read(b"A: b\n\nc\nd\r\ne\r\r\n\rf\n").on_top("X", "y")
    assert mail.to_bytes() == b"X: y\nA: b\n\nc\nd\r\ne\r\r\n\rf\n"
    assert mail.to_wire() == b"X: y\r\nA: b\r\n\r\nc\r\nd\r\ne\r\r\n\rf\r\n"


def test_on_the_wire_a_mail_with_its_line_ends_is_untouched() -> None:
    """CRLF stays CRLF, and nothing is copied twice."""
    raw = MAIL.replace(b"fine.\n", b"fine.")
    assert RawMail.read(raw).to_wire() == raw


def test_the_line_of_an_mbox() -> None:
    """A postmark above the mail is no part of it (RFC 4155)."""
    assert RawMail.read(b"From ann@example.org Mon Nov  2 10:00:00 2026\n" + MAIL).to_bytes() == MAIL
    assert RawMail.read(b"From : ann@example.org\r\n\r\n").fields[0].name == "From"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b"X: y\r\n"),
        (b"hello\nworld", b"X: y\n\nhello\nworld"),
        (b" folded\nhello", b"X: y\n\n folded\nhello"),
        (b"A: b\nhello\n\nworld", b"X: y\nA: b\n\nhello\n\nworld"),
        (b"A: b", b"X: y\r\nA: b\r\n"),
        (b"\r\nbody", b"X: y\r\n\r\nbody"),
        (b" x\r\nA: b\r\n\r\nc", b" x\r\nX: y\r\nA: b\r\n\r\nc"),
    ],
)
def test_nothing_of_a_malformed_mail_goes_on_a_field_of_ours(raw: bytes, expected: bytes) -> None:
    """A line that would fold into our field, or a text without a header, stays apart from it."""
    assert RawMail.read(raw).on_top("X", "y").to_bytes() == expected


def test_with_body() -> None:
    """Another body stands behind the same header."""
    assert RawMail.read(b"A: b\n\nold").with_body(b"new\n").to_bytes() == b"A: b\n\nnew\n"
    assert RawMail.read(b"A: b").with_body(b"new\r\n").to_bytes() == b"A: b\r\n\r\nnew\r\n"


def test_long_values_are_folded_at_blanks() -> None:
    """Lines have 78 octets at most where there are blanks, none of them is blank, and unfolded the value is the same."""
    value = "  ".join(["word", "longer-word"] * 20)
    field = write_field("X", value)
    assert all(line.strip() and len(line) <= 78 for line in field.raw.removesuffix(b"\r\n").split(b"\r\n"))
    assert field.value == value


def test_a_word_that_no_line_can_hold_is_refused() -> None:
    """Relays cut lines of more than 998 octets (RFC 5322 section 2.1.1), so none is made."""
    with pytest.raises(ValueError, match="too long"):
        write_field("X", "x" * 999)


@pytest.mark.parametrize("words", ["J\xf6rg & \u5b89\u5b89 plain \U0001f600", "\xe9" * 100, "a\xa0b", "x \xe4 y \xf6 \xfc z"])
def test_words_beyond_ascii_are_encoded(words: str) -> None:
    """They become encoded words that every reader decodes, no line longer than RFC 2047 section 2 allows."""
    field = write_field("Subject", words)
    assert field.raw.isascii() and max(map(len, field.raw.split(b"\r\n"))) <= 76
    assert decode_words(field.value) == words
    assert message_from_bytes(field.raw + b"\r\n", policy=policy.default)["Subject"].replace("\xa0", " ") == words.replace(
        "\xa0", " "
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Ann Doe", "Ann Doe"),
        ("Doe, Ann", '"Doe, Ann"'),
        ('the "\\" list', '"the \\"\\\\\\" list"'),
        ("=?utf-8?q?x?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?="),
        ("J\xf6rg", "=?utf-8?q?J=C3=B6rg?="),
        ("", '""'),
    ],
)
def test_phrases(words: str, expected: str) -> None:
    """A display name is written so that nothing in it counts as syntax (RFC 5322 section 3.2.5)."""
    assert phrase(words) == expected


def test_no_character_is_cut_in_two() -> None:
    """Each encoded word decodes by itself (RFC 2047 section 5)."""
    for word in encoded_words("\U0001f600" * 50).split(" "):
        assert decode_words(word).strip("\U0001f600") == "" and len(word) <= 75


def test_the_1001st_field_stays() -> None:
    """What is behind a thousand fields is kept as it is, and is no body."""
    raw = b"".join(b"A: %d\r\n" % n for n in range(1500)) + b"\r\nbody"
    mail = RawMail.read(raw)
    assert (len(mail.fields), mail.fields[-1].name, mail.body) == (1001, "", b"body")
    assert mail.on_top("X", "y").to_bytes() == b"X: y\r\n" + raw


@pytest.mark.parametrize(
    "raw",
    [
        b"A: b\r\n\r\n" + b"x" * 25_000_000,
        b"A: b\n" * 5_000_000,
        b"A: " + b" \r\n" * 8_000_000,
        b"\n " * 10_000_000,
        b"x" * 25_000_000,
    ],
    ids=["body", "fields", "folds", "lone", "word"],
)
def test_a_large_mail_is_read_at_once(raw: bytes) -> None:
    """25 MB of whatever kind take no more than a pass over them."""
    started = time.process_time()
    mail = RawMail.read(raw).replaced("Subject", "x").on_top("X", "y")
    assert time.process_time() - started < 3
    assert len(mail.to_bytes()) > len(raw)


def test_a_large_value_is_written_in_linear_time() -> None:
    """A megabyte of words, ASCII or not, is folded in one pass."""
    started = time.process_time()
    for value in ("word " * 200_000, "\xe4 " * 300_000, "=?" * 400 + " \xe4" * 10):
        write_field("X", value)
    with pytest.raises(ValueError, match="too long"):
        write_field("X", "a" + " " * 1_000_000 + "b")
    assert time.process_time() - started < 4
