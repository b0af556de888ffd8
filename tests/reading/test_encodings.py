"""Content transfer encodings: everything decodes, and what is malformed is told."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading.encodings import decode_transfer

BAD = ("bad-base64",)


@pytest.mark.parametrize(
    ("data", "octets", "defects"),
    [
        (b"SGVsbG8h", b"Hello!", ()),
        (b"SGVs\r\nbG8=\r\n", b"Hello", ()),
        (b" S G V s b G 8 =", b"Hello", ()),
        (b"SGVsbG8====", b"Hello", ()),
        (b"", b"", ()),
        (b"SGVsbG8", b"Hello", BAD),
        (b"SGVsbA=", b"Hell", BAD),
        (b"SGVsbG8hQ", b"Hello!", BAD),
        (b"Q", b"", BAD),
        (b"SGVs!bG8=", b"Hello", BAD),
        (b"SGVsbG8=IHRoZXJl", b"Hello", BAD),
        (b"SGVsbG8_", b"Hello", BAD),
    ],
)
def test_base64(data: bytes, octets: bytes, defects: tuple[str, ...]) -> None:
    """What is not made of whole groups with nothing behind the padding is a defect, and decodes all the same."""
    assert decode_transfer(data, "base64") == (octets, defects)


@pytest.mark.parametrize("length", range(9))
def test_the_beginning_of_base64_may_end_anywhere(length: int) -> None:
    """What was cut by us is no fault of the sender."""
    assert decode_transfer(b"SGVsbG8h"[:length], "base64", whole=False)[1] == ()
    assert decode_transfer(b"!", "base64", whole=False)[1] == BAD


@given(st.binary(max_size=300))
def test_good_base64_has_no_defect(octets: bytes) -> None:
    """Whatever a mail program encodes is decoded again."""
    lines = b"\r\n".join(binascii.b2a_base64(octets[at : at + 57], newline=False) for at in range(0, len(octets), 57))
    assert decode_transfer(lines, "base64") == (octets, ())


@given(st.binary(), st.sampled_from(["base64", "quoted-printable", "8bit", "x-uuencode", ""]), st.booleans())
def test_anything_decodes(data: bytes, encoding: str, whole: bool) -> None:
    """No octets are refused, and none grow beyond their encoded form."""
    assert len(decode_transfer(data, encoding, whole=whole)[0]) <= len(data)
