"""The copy of the original that goes back with an error mail."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailproc.address import Address
from mailproc.answers import Original
from mailproc.answers.original import ATTACHED, attachable
from mailproc.reading import read_header
from tests.cost import within

PIECES = [b"\r", b"\n", b".", b"\r\n.\r\n", b"\0", b"\xff", b"x" * 999, b"A: ", b"--x", b"Content-Type: message/rfc822\n\n"]
LATIN = "Größe: 5 €"


def copy_of(raw: bytes) -> bytes:
    """The copy with the usual limit."""
    return attachable(raw, ATTACHED)


def test_plain_mail_is_copied_as_it_is() -> None:
    """A 7-bit mail loses nothing but its kind of line ends."""
    raw = b"From: a@example.com\nX-Odd:nospace\nSubject: a\n\tb\n\n.hello\n\nworld\n"
    assert copy_of(raw) == raw.replace(b"\n", b"\r\n")


def test_8bit_text_becomes_quoted_printable() -> None:
    """The umlauts of a text, and of its header, can still be read."""
    raw = f"From: Jörg <j@example.com>\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{LATIN}\n"
    parsed = email.message_from_bytes(copy_of(raw.encode()), policy=email.policy.default)
    assert parsed["From"].addresses[0].display_name == "Jörg"
    assert parsed["From"].addresses[0].addr_spec == "j@example.com"
    assert parsed["Content-Transfer-Encoding"] == "quoted-printable"
    assert parsed.get_content().strip() == LATIN


def test_8bit_parts_become_quoted_printable() -> None:
    """Each 8-bit part of a multipart is recoded in its own charset; the others stay."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=cut\nContent-Transfer-Encoding: 8bit\n\n"
        b"--cut\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGr\xf6\xdfe\n"
        b"--cut\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDtsOfZQ==\n"
        b"--cut--\n"
    )
    parsed = email.message_from_bytes(copy_of(raw), policy=email.policy.default)
    assert parsed["Content-Transfer-Encoding"] == "7bit"
    assert [part.get_content().strip() for part in parsed.iter_parts()] == ["Größe", "Größe"]


def test_what_cannot_be_recoded_is_marked() -> None:
    """8-bit octets in a part that says that it is base64 become question marks."""
    raw = b"Content-Transfer-Encoding: base64\n\nR3L\xff\xfe\n"
    assert copy_of(raw).endswith(b"R3L??\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff" * 200_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n\xff" * 2000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(95)) + b"\xff",
        b"Content-Type: message/rfc822\n\n" * 2000 + b"\xff",
        b"X: \xff\n" * 30_000,
        b"X: " + b"a" * 65_000 + b"\xff",
        b"Subject: \xff\n" + b" \n" * 20_000,
        b"From: " + b"(" * 3000 + b"\xff\n\n",
        b"Content-Type: text/plain; charset=zlib\n\n\xff\xfe",
    ],
)
def test_hostile_mail_is_copied_in_bounded_time(raw: bytes) -> None:
    """No mail makes the copy fail, or take long, or grow beyond four times the limit and its line ends."""
    copy = within(2, lambda: copy_of(raw))
    assert len(copy) < 4 * ATTACHED + 2000


@given(st.binary(max_size=400) | st.lists(st.sampled_from(PIECES)).map(b"".join))
@example(b"\n.\n")
@example(b"\r.\r")
@example(b"A: \xff\nB: =?utf-8?q?=0AEvil: yes?=\n\n")
def test_copy_is_clean_whatever_the_original_is(raw: bytes) -> None:
    """7 bits, CRLF alone ends lines, no NUL, no line over 998: nothing to smuggle with (RFC 5321 section 2.3.8)."""
    copy = copy_of(raw)
    assert copy.isascii()
    assert b"\0" not in copy
    lines = copy.split(b"\r\n")
    assert all(len(line) <= 998 and not set(line) & set(b"\r\n") for line in lines)


def test_copy_is_cut() -> None:
    """Only the beginning goes back."""
    assert attachable(b"A: b\r\n\r\n" + b"x\r\n" * 50_000, 8192) == (b"A: b\r\n\r\n" + b"x\r\n" * 50_000)[:8192]


def test_original_is_read_from_its_header() -> None:
    """Subject is decoded; In-Reply-To stands in where there are no References."""
    raw = b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nMessage-ID: <a@b>\nIn-Reply-To: <p@q>\n\nx"
    original = Original.of(
        raw, read_header(raw), size=len(raw), recipient="n@example.org", receipt_id="r", author=Address("a", "example.com")
    )
    assert (original.subject, original.message_id, original.references) == ("Größe", "<a@b>", "<p@q>")
    empty = Original.of(b"", read_header(b""), size=0, recipient="", receipt_id="r", author=None)
    assert (empty.subject, empty.message_id, empty.references) == ("", "", "")
