"""Mails of up to 50 MB that were made to hurt: each is read within seconds and a bounded amount of memory."""

import os
import tracemalloc
from collections.abc import Callable

import pytest

from mailproc.reading import read_addresses, read_message, sole_author
from mailproc.screening import screen
from tests.cost import within

MIB = 1024 * 1024
MULTIPART = b"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n"
ATTACHED = b"Content-Disposition: attachment\nContent-Transfer-Encoding: "


def nest(boundary: bytes, filling: bytes) -> bytes:
    """Forty-nine multiparts around 25 MB that look like their boundaries."""
    levels = [boundary.replace(b"NN", b"%02d" % level) for level in range(49)]
    return b"".join(b'Content-Type: multipart/x; boundary="%b"\n\n--%b\n' % (b, b) for b in levels) + filling * (
        25 * MIB // len(filling)
    )


SHAPES: dict[str, Callable[[], bytes]] = {
    "200,000 fields": lambda: b"X-A: b\n" * 200_000,
    "25 MB of folded lines": lambda: b"X: y\n" + b" a\n" * (8 * MIB),
    "a header of 25 MB without a colon": lambda: b"hello world\n" * (2 * MIB),
    "20,000 addresses": lambda: b"From: " + b"a@example.org, " * 16_000 + b"\n\n",
    "nested comments": lambda: b"From: " + b"(" * 250_000 + b"\n\n",
    "comments": lambda: b"To: " + b"()" * 120_000 + b"\n\n",
    "escaped quotes": lambda: b"To: " + b'\\"' * 120_000 + b"\n\n",
    "open quoted strings": lambda: b'Content-Type: a/b (x); c="' + b'\\"' * 120_000 + b"\n\n",
    "commas": lambda: b"To: " + b"," * 250_000 + b"\n\n",
    "20,000 parameters": lambda: b"Content-Type: a/b" + b"; name*1=x" * 20_000 + b"\n\n",
    "20,000 encoded words": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 18_000 + b"\n\n",
    "half encoded words": lambda: b"Subject: " + b"=?" * 130_000 + b"\n\n",
    "a line of 50 MB": lambda: b"From: a@example.org\n\n" + b"x" * (50 * MIB),
    "a million parts": lambda: MULTIPART + b"--b\n\nx\n" * 1_000_000,
    "a thousand levels": lambda: b"Content-Type: multipart/x; boundary=b\n\n--b\n" * 1000,
    "a thousand forwarded mails": lambda: b"Content-Type: message/rfc822\n\n" * 1000,
    "2 million lines in an open part": lambda: MULTIPART + b"--b\n\n" + b"text text\n" * 2_000_000,
    "blanks behind a boundary": lambda: MULTIPART + b"--b" + b" " * (25 * MIB),
    "boundaries that begin alike": lambda: MULTIPART + b"--bc\n" * (5 * MIB),
    "nested boundaries of dashes": lambda: nest(b"NN" + b"-" * 60, b"-" * 62),
    "nested short boundaries": lambda: nest(b"NN", b"\n--"),
    "nested long boundaries": lambda: nest(b"-" * 900 + b"NN", b"\n" + b"-" * 901),
    "false base64": lambda: ATTACHED + b"base64\n\n" + b"!a==" * (6 * MIB),
    "false quoted-printable": lambda: ATTACHED + b"quoted-printable\n\n=" + b" " * (25 * MIB),
    "random bytes as Japanese": lambda: b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + os.urandom(25 * MIB),
    "HTML of 25 MB": lambda: b"Content-Type: text/html\n\n" + b"<div>" * (5 * MIB),
    "NULs": lambda: b"\0" * (25 * MIB),
    "bare CRs": lambda: b"\r" * (25 * MIB),
}


def read_everything(raw: bytes) -> None:
    """Ask for everything that can be asked of a mail."""
    message = read_message(raw)
    screen(message, reverse_path=None, size=len(raw), max_size=1, our_domain="robot.example.org")
    sole_author(message.header)
    read_addresses(message.header.all("To"))
    assert message.subject is not None
    assert (message.date, message.message_id) == (None, None)
    assert len(message.text) + len(message.html or "") <= 2 * MIB
    assert len(message.attachments) <= 1000
    assert len(message.defects) < 30


@pytest.mark.parametrize("shape", SHAPES)
def test_time(shape: str) -> None:
    """A mail of this shape takes at most four seconds."""
    raw = SHAPES[shape]()
    within(4, lambda: read_everything(raw))


@pytest.mark.parametrize(
    "shape", ["25 MB of folded lines", "a million parts", "2 million lines in an open part", "a line of 50 MB", "NULs"]
)
def test_memory(shape: str) -> None:
    """Reading needs far less memory than the mail itself has."""
    raw = SHAPES[shape]()
    tracemalloc.start()
    try:
        read_everything(raw)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()
