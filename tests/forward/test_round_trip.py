"""What the standard library makes of a mail when it reads it and writes it again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailproc.forward.tunnel.roundtrip import parsed_and_written, survives_parsing

PIECES = [b"\r\n", b"\n", b" ", b"\0", b"a:", b"--b", b"--", b"\xff", b"Content-Type: multipart/mixed; boundary=b\n", b"text"]
MAIL = b"From: a@example.org\r\nX:1\r\nX: 2\r\n\r\nbody\r\n"


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
@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join) | st.binary(max_size=200))
def test_what_is_written_again_alike_survives(raw: bytes) -> None:
    """A mail that comes out byte for byte survives; one that the parser gives up, or changes by more than blanks, does not."""
    written = parsed_and_written(raw)
    if written is None or b"".join(raw.split()) != b"".join(written.split()):
        assert not survives_parsing(raw)
    elif written == raw:
        assert survives_parsing(raw)


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
