"""Where the messages in an mbox file begin and end, in all its dialects, and what they say."""

from __future__ import annotations

import io
import mailbox
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.maildrops import mbox_file
from mailproc.maildrops.mbox_file import content, messages
from tests.cost import within
from tests.maildrops.kinds import POSTMARK

ROOT = Path(__file__).parents[2]
MAIL = b"Subject: x\n\nHello.\n"


def contents(octets: bytes) -> list[bytes]:
    """What the messages of an mbox say."""
    file = io.BytesIO(octets)
    return [b"".join(content(file, extent)) for extent in messages(file)]


@pytest.mark.parametrize(
    "line",
    [
        b"From ann@example.org  Sun Mar  1 12:30:00 2026",
        b"From ann@example.org Sun Mar  1 12:30:00 2026\r",
        b"From MAILER-DAEMON Sun Mar  1 12:30:00 2026",
        b"From - Sun Mar 01 12:30:00 2026",
        b'From "ann b"@example.org Sun Mar  1 12:30:00 2026',
        b"From ann@example.org Sun, 1 Mar 2026 12:30:00 +0100",
        b"From ann@example.org Sun Mar  1 12:30 MET DST 1998 remote from host",
        b"From " + b"a" * 256 + b"@example.org  Sun Mar  1 12:30:00 2026",
    ],
)
@pytest.mark.parametrize("divider", [b"\n", b"\r\n"])
def test_a_line_from_divides(line: bytes, divider: bytes) -> None:
    """A line "From " with a time and a year, behind an empty line, begins a message, whoever has written it."""
    first, second = POSTMARK + MAIL, line + b"\n" + MAIL
    assert contents(first + divider + second + divider) == [first, second]


@pytest.mark.parametrize(
    "text",
    [
        b"Hello,\n\nFrom what I have seen it is fine.\n",
        b"Hello,\n\nFrom 12:30 on we are open.\n",
        b"Hello,\nFrom ann@example.org  Sun Mar  1 12:30:00 2026\n",
        b"Hello,\n\n>From ann@example.org  Sun Mar  1 12:30:00 2026\n",
        b"Hello,\n\nfrom ann@example.org  Sun Mar  1 12:30:00 2026\n",
        b"Hello,\n\n From ann@example.org  Sun Mar  1 12:30:00 2026\n",
        b"Hello,\n\nFromann@example.org  Sun Mar  1 12:30:00 2026\n",
    ],
)
def test_other_lines_do_not(text: bytes) -> None:
    """Prose is no beginning of a mail, nor is a line that is quoted, indented, or not behind an empty line."""
    assert len(contents(POSTMARK + b"Subject: x\n\n" + text + b"\n" + POSTMARK + MAIL)) == 2


def test_a_content_length_is_not_believed() -> None:
    """A sender's Content-Length takes no other mail into its own, and cuts none off."""
    for length in (b"0", b"5", b"100000", b"-1", b"18446744073709551616"):
        first = POSTMARK + b"Content-Length: " + length + b"\nSubject: x\n\nHello.\n"
        assert contents(first + b"\n" + POSTMARK + MAIL) == [first, POSTMARK + MAIL]


@pytest.mark.parametrize(
    ("quoted", "said"),
    [
        (b">From me\n", b"From me\n"),
        (b">>From me\n", b">From me\n"),
        (b">>>From me\n>From you\n", b">>From me\nFrom you\n"),
        (b"> From me\n>from\n>Fromme\n x>From me\n", b"> From me\n>from\n>Fromme\n x>From me\n"),
        (b">" * 1000 + b"From me\n", b">" * 999 + b"From me\n"),
        (b">" * 2000 + b"From me\n", b">" * 2000 + b"From me\n"),
    ],
)
def test_the_quoting_of_mboxrd_is_undone(quoted: bytes, said: bytes) -> None:
    """One ">" less before "From ", however many there are up to a thousand; no other line is changed."""
    assert contents(POSTMARK + b"Subject: x\n\n" + quoted + b"\n") == [POSTMARK + b"Subject: x\n\n" + said]


@pytest.mark.parametrize("octets", [b"", POSTMARK, POSTMARK[:-1], b"From ", POSTMARK + b"\n", POSTMARK + b"\n\n"])
def test_a_file_with_little_in_it(octets: bytes) -> None:
    """An empty file has no message; one with only a line "From " has one, without the empty line behind it."""
    assert contents(octets) == ([octets[:-1] if octets.endswith(b"\n\n") else octets] if octets else [])


@pytest.mark.parametrize(
    "octets", [b"x", b"\n" + POSTMARK, b"from a", b">From ", b"Subject: x\n\n", b"\xef\xbb\xbf" + POSTMARK]
)
def test_what_does_not_begin_with_from_is_no_mbox(octets: bytes) -> None:
    """Another file is not cut into mails."""
    with pytest.raises(ValueError, match="no mbox"):
        list(messages(io.BytesIO(octets)))


def test_extents_cover_the_file() -> None:
    """Each message ends where the next one begins, and the last where the file does."""
    octets = POSTMARK + MAIL + b"\n" + POSTMARK + MAIL + b"\r\n" + POSTMARK + b"no end of line"
    extents = list(messages(io.BytesIO(octets)))
    assert [extent.offset for extent in extents] == [0, *(extent.end for extent in extents[:-1])]
    assert extents[-1].end == len(octets)
    assert [extent.end - extent.offset - extent.length for extent in extents] == [1, 2, 0]


def test_the_standard_library_sees_the_same(tmp_path: Path) -> None:
    """What `mailbox` has written, quoting and all, is read as it sees it."""
    box = mailbox.mbox(tmp_path / "mbox")
    for number in range(3):
        message = mailbox.mboxMessage(f"Subject: {number}\n\nHello.\n\nFrom here to there.\n".encode())
        message.set_from("ann@example.org", (2026, 3, 1, 12, 30, 0, 6, 60, 0))
        box.add(message)
    box.flush()
    said = contents((tmp_path / "mbox").read_bytes())
    assert [one.partition(b"\n")[2] for one in said] == [
        f"Subject: {number}\n\nHello.\n\nFrom here to there.\n".encode() for number in range(3)
    ]


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"From ", POSTMARK, b">From \n", b">" * 5, b"12:30 2026\n", b"x", b"\nF"])))
def test_the_size_of_the_blocks_does_not_matter(pieces: list[bytes]) -> None:
    """Whatever lies across the border of two blocks is seen."""
    octets = POSTMARK + b"".join(pieces)
    whole = contents(octets)
    before, mbox_file._BLOCK_OCTETS = mbox_file._BLOCK_OCTETS, 7
    try:
        assert contents(octets) == whole
    finally:
        mbox_file._BLOCK_OCTETS = before
    assert b"".join(whole).count(b"x") == octets.count(b"x")


def hostile() -> Iterator[bytes]:
    """Shapes that make a careless reader go over the same octets again and again."""
    yield b"\n\nFrom " * 300_000
    yield b"\n\nFrom " + b"12:30 " * 300_000
    yield b"\n" * 2_000_000
    yield b"\n>" * 1_000_000
    yield b"\n" + b">" * 2_000_000
    yield b"\n" + b">" * 1001 + b"Fro" * 600_000


@pytest.mark.parametrize("shape", list(hostile()), ids=range(6))
def test_hostile_files_cost_what_others_do(shape: bytes) -> None:
    """Two megabytes of what looks like a beginning are read in a moment."""
    assert len(b"".join(within(0.5, lambda: contents(POSTMARK + shape)))) > len(shape) // 2


def test_a_huge_file_is_read_in_little_memory(tmp_path: Path) -> None:
    """64 MiB, half of them one mail, pass through less than 12 MiB."""
    with (tmp_path / "mbox").open("wb") as file:
        file.write((POSTMARK + MAIL * 50 + b"\n") * 32_000)
        file.write(POSTMARK + b"Subject: huge\n\n")
        for _ in range(32):
            file.write(b"x" * 1024 * 1024)
    program = f"""
from pathlib import Path
from mailproc.maildrops.mbox_file import content, messages
from tests.processes import peak_of
before = peak_of()
with Path({str(tmp_path / "mbox")!r}).open("rb") as file:
    print(sum(len(piece) for extent in messages(file) for piece in content(file, extent)))
print(peak_of() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    octets, grown = map(int, run.stdout.split())
    assert octets == (tmp_path / "mbox").stat().st_size - 32_000
    assert grown < 12 * 1024
