"""The tree of parts: its limits, and what is wrong with the headers in it."""

import pytest

from mailproc.reading.structure import MAX_HEADERS, read_structure
from tests.cost import within

MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"
TWICE = b"Content-Type: text/plain\nContent-Type: text/html\n\nHello\n"


def mixed(*parts: bytes) -> bytes:
    """A multipart of parts with their headers."""
    return MIXED + b"".join(b"--b\n" + part for part in parts) + b"--b--\n"


@pytest.mark.parametrize(
    ("part", "defects"),
    [
        (TWICE, ("duplicate-content-type",)),
        (b"X-A: \xe4\n\nHello\n", ("eight-bit",)),
        (b"X-A: y\n \n\nHello\n", ("blank-fold",)),
        (b"X: y\n" * 1001 + b"\nHello\n", ("too-many-fields",)),
        (b"\nHello\n", ()),
    ],
)
def test_defects_of_the_headers_of_parts(part: bytes, defects: tuple[str, ...]) -> None:
    """They are those of the mail; a part needs no header."""
    assert read_structure(mixed(part, part)).defects == defects


def test_a_forwarded_mail_has_its_own_defects() -> None:
    """What is wrong with it is not wrong with the mail that it came in."""
    assert read_structure(b"Content-Type: message/rfc822\n\n" + TWICE).defects == ()


@pytest.mark.parametrize("number", [8, 999])
@pytest.mark.parametrize("unit", [b"X-Header-Field: some value\n", b"some text without a colon\n", b"X: " + b"y" * 70 + b"\n"])
def test_headers_of_all_parts_are_bounded(number: int, unit: bytes) -> None:
    """They have 1 MiB together, however many they are, and whether there are fields in them or not."""
    allowed, too_much = (
        mixed(*[unit * (octets // number // len(unit)) + b"\nHello\n"] * number)
        for octets in (MAX_HEADERS - 9999, MAX_HEADERS * 2)
    )
    assert len(within(2, lambda: read_structure(allowed)).parts) == number
    assert within(2, lambda: read_structure(too_much)).unparseable == "the headers of its parts are too long"


@pytest.mark.parametrize("unit", [b"A:\n", b"b\n", b"A:\n c\n", b"A:\n \n"])
def test_lines_of_headers_are_bounded(unit: bytes) -> None:
    """They are 50,000 together, however short they are."""
    lines = unit.count(b"\n")
    allowed, too_much = (mixed(*[unit * (each // lines) + b"\nHello\n"] * 500) for each in (90, 100))
    assert len(read_structure(allowed).parts) == 500
    assert read_structure(too_much).unparseable == "the headers of its parts are too long"


def test_headers_of_forwarded_mails_count() -> None:
    """Whoever opens them next has to read them too."""
    forwarded = b"Content-Type: message/rfc822\n\n" + b"X: " + b"y" * 200_000 + b"\n\nHello\n"
    assert read_structure(mixed(*[forwarded] * 5)).unparseable is None
    assert read_structure(mixed(*[forwarded] * 6)).unparseable == "the headers of its parts are too long"
