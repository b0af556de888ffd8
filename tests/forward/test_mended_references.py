"""References that a relay has cut are whole again, as they were signed."""

from __future__ import annotations

import time

import pytest

from mailproc.forward.references import BrokenReferences, repaired
from mailproc.rawmail import RawMail
from tests.forward.signing import MAIL, signed, verifies


def mended(raw: bytes) -> bytes:
    """The mail with its references repaired."""
    return repaired(RawMail.read(raw)).to_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"References: <space test>\r\n", b"References: <spacetest>\r\n"),
        (b"References: <a@b>\t<c\r\n @d> <e@f>\r\n", b"References: <a@b>\r\n <c@d>\r\n <e@f>\r\n"),
        (b"In-reply-to:<a@\r\n\tb>\r\n", b"In-reply-to: <a@b>\r\n"),
        (b"References: <a@\n b> (then \xff) x\n", b"References: <a@b>\n (then\n \xff)\n x\n"),
        (b"References: <a b>\r\nIn-Reply-To: <c d>\r\n", b"References: <ab>\r\nIn-Reply-To: <cd>\r\n"),
    ],
)
def test_what_was_cut_is_joined(before: bytes, after: bytes) -> None:
    """Blanks inside of an identifier go, and each identifier stands on a line of its own."""
    end = before[-1:] if before.count(b"\r") == 0 else b"\r\n"
    assert mended(before + end) == after + end


@pytest.mark.parametrize(
    "raw",
    [
        b"References: <a@b>\r\n  <c@d>\t<e@f>\r\n\r\n",
        b"References: a b < c\r\n\r\n",
        b"References: >a b<\r\n\r\n",
        b"X: <a b>\r\n\r\nReferences: <a b>\r\n",
        b"References: <a@b>\r\nReferences: <c@d>\r\n\r\n",
    ],
)
def test_what_is_whole_stays(raw: bytes) -> None:
    """Nothing is rewritten for its looks."""
    assert mended(raw) == raw


def test_the_signature_holds_again() -> None:
    """A relay that cuts a line at its limit breaks the signature over it; repaired it verifies."""
    ids = b" ".join(b"<%d.abcdefghij@mail.example.org>" % n for n in range(100, 160))
    raw = signed(MAIL.replace(b"Date:", b"References: " + ids + b"\r\nDate:"), more=(b"references",))
    at = raw.index(b"References: ") + 996
    assert raw[at : at + 1] not in (b" ", b"<")
    cut = raw[:at] + b"\r\n " + raw[at:]
    assert (verifies(raw), verifies(cut), verifies(mended(cut))) == (True, False, True)


@pytest.mark.parametrize("name", [b"References", b"In-Reply-To"])
def test_two_that_are_cut_are_refused(name: bytes) -> None:
    """Of two broken fields of one name nobody knows which one was signed."""
    with pytest.raises(BrokenReferences, match="more than one broken"):
        mended(name + b": <a b>\r\n" + name.lower() + b": <c d>\r\n\r\n")


@pytest.mark.parametrize("piece", [b"<", b"< ", b"<a b>", b" ", b"\r\n ", b"<\r\n >", b">"])
def test_a_megabyte_of_references(piece: bytes) -> None:
    """It is one pass, whatever it is made of."""
    raw = b"References: " + piece * (1_000_000 // len(piece)) + b"<x y>\r\n\r\n"
    started = time.process_time()
    assert mended(raw).endswith(b"<xy>\r\n\r\n") or piece in (b"<", b"< ")
    assert time.process_time() - started < 2
