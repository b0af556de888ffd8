"""An unsigned Content-Type must not choose what a signed body says."""

from __future__ import annotations

import pytest

from mailproc.dkim import DomainFinding
from mailproc.dkim.results import TrustedResults
from mailproc.reading import read_header
from tests.dkim.signed_mail import ARRIVAL, KEY, MAIL, verify
from tests.dkim.signer import sign

TYPE = b"Content-Type: text/plain; charset=utf-8\r\n"
NAMES = "from:to:subject:date"
FORWARDED = b"---------- Forwarded message ---------"
PARTS = b"--b\r\n\r\nIt is fine.\r\n--b--\r\n"


def passes(body: bytes, field: bytes, *, names: str = NAMES) -> bool:
    """Whether a mail with this body passes with ``field`` for the Content-Type; our own verification and our server's agree."""
    signed = sign(MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body, KEY, h=names)
    raw = signed.replace(TYPE, field)
    (ours,) = verify(raw)
    said = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\n" + raw
    theirs = TrustedResults("mx.example.net").verify(said, read_header(said), {"example.org"}, arrival=ARRIVAL)
    assert bool(theirs) == (ours.finding is DomainFinding.PASS)
    return bool(theirs)


def test_a_line_of_the_text_is_no_boundary() -> None:
    """The words below a forwarded mail's head do not become the text of the mail."""
    body = b"See below.\r\n\r\n" + FORWARDED + b"\r\n\r\nPay Eve.\r\n"
    assert passes(body, TYPE)
    changed = b'Content-Type: multipart/mixed; boundary="' + FORWARDED[2:] + b'"\r\n'
    assert not passes(body, changed)
    found = verify(sign(MAIL, KEY, h=NAMES).replace(TYPE, changed))
    assert found[0].detail == "its Content-Type is not signed, and its body does not begin and end with the boundary"


@pytest.mark.parametrize("body", [PARTS, b"\r\n\r\n" + PARTS + b"\r\n \r\n", PARTS.replace(b"--b\r", b"--b \r")])
def test_parts_that_fill_the_body(body: bytes) -> None:
    """A multipart that begins and ends with its boundary passes, blank lines aside."""
    assert passes(body, b"Content-Type: multipart/mixed; boundary=b\r\n")


@pytest.mark.parametrize("body", [b"x\r\n" + PARTS, PARTS + b"x\r\n", PARTS[:-4] + b"\r\n", b"--b--\r\n", b"--b", b""])
def test_parts_that_do_not(body: bytes) -> None:
    """With a preamble, with an epilogue, or without an end it does not."""
    assert not passes(body, b"Content-Type: multipart/mixed; boundary=b\r\n")


@pytest.mark.parametrize("value", ["text/html", "message/rfc822", "application/pdf", "garbage", "multipart/mixed"])
def test_other_types(value: str) -> None:
    """No other type passes, and none that cannot be read."""
    assert not passes(b"x\r\n", f"Content-Type: {value}\r\n".encode())


@pytest.mark.parametrize(
    "charset", ["utf-16", "UTF-16LE", "utf_32", "utf-7", "iso-2022-jp", "ISO-2022-KR", "hz-gb-2312", "cp037"]
)
def test_charsets_that_change_ascii(charset: str) -> None:
    """ASCII octets must mean ASCII."""
    assert not passes(b"x\r\n", f"Content-Type: text/plain; charset={charset}\r\n".encode())


@pytest.mark.parametrize("charset", ["us-ascii", "utf-8", "iso-8859-1", "windows-1252", "koi8-r", "gb18030", "euc-jp", "big5"])
def test_charsets_that_keep_ascii(charset: str) -> None:
    """The usual charsets pass, and so does a mail without a type."""
    assert passes(b"x\r\n", f"Content-Type: text/plain; charset={charset}\r\n".encode())
    assert passes(b"x\r\n", b"")


def test_a_disposition() -> None:
    """An unsigned Content-Disposition must be inline, and there is at most one."""
    assert passes(b"x\r\n", TYPE + b"Content-Disposition: Inline\r\n")
    assert not passes(b"x\r\n", TYPE + b"Content-Disposition: attachment\r\n")
    assert not passes(b"x\r\n", TYPE + b"Content-Disposition: inline\r\n" * 2)


def test_a_signed_type() -> None:
    """What is signed may be anything."""
    raw = MAIL.replace(TYPE, b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n")
    assert verify(sign(raw, KEY))[0].finding is DomainFinding.PASS
