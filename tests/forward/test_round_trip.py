"""What two forms of a mail differ in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.forward.roundtrip import differences, parsed_and_written, survives_parsing

MAIL = b"From: a@example.org\r\nX:1\r\nX: 2\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (MAIL, []),
        (MAIL.replace(b"\r\n", b"\n"), []),
        (b"From x\n" + MAIL, []),
        (MAIL.replace(b"X:1", b"X: 1"), ["x: changed"]),
        (MAIL.replace(b"X:1\r\n", b""), ["x: removed"]),
        (b"Received: x\r\nx:1\r\n" + MAIL, ["received: added", "x: added"]),
        (b"X: 2\r\nX:1\r\nFrom: a@example.org\r\n\r\nbody\r\n", ["order"]),
        (MAIL + b"\r\n", ["body"]),
        (MAIL.replace(b"body", b"Body").replace(b"From: ", b"From:"), ["from: changed", "body"]),
    ],
)
def test_differences(after: bytes, expected: list[str]) -> None:
    """Each field that is not the same byte for byte, and the body, are named; line ends count as equal."""
    assert differences(MAIL, after) == expected


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_differences_of_any_bytes(before: bytes, after: bytes) -> None:
    """There is an answer, and for the same bytes it is that there is none."""
    assert differences(before, before) == []
    assert differences(before, after) is not None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (MAIL, True),
        (MAIL + b"\r\n\r\n", True),
        (b"Subject: a\r\n  b\r\nTo:c \r\n\r\nFrom me\r\n", True),
        (b"Subject: =?UTF-8?a?hello_world?=\r\n\r\n", True),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever closed", False),
        (b"A: b\r\n\r\n" + b"x" * 2_000_000, True),
    ],
)
def test_what_a_parser_does(raw: bytes, expected: bool) -> None:
    """Blanks and line ends may change; a part that is closed by the parser is another mail."""
    assert survives_parsing(raw) is expected


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_not(raw: bytes) -> None:
    """The parser of the standard library may raise; this does not."""
    assert survives_parsing(raw) in (True, False)
    assert parsed_and_written(raw) is None or survives_parsing(raw) or parsed_and_written(raw) != raw


def test_what_a_parser_writes() -> None:
    """It is what differs, for the record; there is none of a mail that is not tried."""
    assert parsed_and_written(MAIL) == MAIL.replace(b"\r\n", b"\n").replace(b"X:1", b"X: 1")
    assert parsed_and_written(MAIL + b"x" * 300_000) is None


@pytest.mark.parametrize("lines", [b"\n" * 100_000, b"a: b\n" * 50_000])
def test_the_time_of_a_parser(lines: bytes) -> None:
    """As many levels as are tried, and a quarter of a megabyte of lines, are parsed in a second; more levels are not tried."""
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10))
    started = time.process_time()
    survives_parsing(levels + lines)
    assert time.process_time() - started < 3
    assert survives_parsing(levels * 2 + lines)
