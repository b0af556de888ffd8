"""Our own Received, and mail that circles."""

from __future__ import annotations

import pytest

from mailproc.forward.received import Hop, circles, marked, received
from mailproc.rawmail import RawMail
from mailproc.reading import read_header
from tests.forward.signing import NOW

LIST = "Notes@lists.example.net"


@pytest.mark.parametrize("recipients", [(), ("a@example.com", "b@example.com"), ("x>; by evil",), ("\xe9@example.com",)])
def test_no_recipient_is_named(recipients: tuple[str, ...]) -> None:
    """One is named only when alone, and only when it is a plain address."""
    assert " for " not in received(Hop("mx.example.net", "7"), recipients, NOW)


def test_the_protocol_is_named_where_there_was_one() -> None:
    """A mail from a maildrop came by none that we know."""
    assert " with " not in received(Hop("mx.example.net", "7"), (), NOW)
    assert " with LMTP id 7;" in received(Hop("mx.example.net", "7", "LMTP"), (), NOW)


@pytest.mark.parametrize("words", [("a b", "7"), ("mx", "7;"), ("mx(", "7"), ("", "7"), ("mx", ""), ("mx", "7", "a\nb")])
def test_a_hop_is_made_of_words(words: tuple[str, ...]) -> None:
    """What would be read as something else in a Received field is refused."""
    with pytest.raises(ValueError, match="cannot stand in a Received field"):
        Hop(*words)


def test_a_mail_that_we_have_marked_circles() -> None:
    """The mark of this list says so, in whatever case; that of another list does not."""
    mail = marked(RawMail.read(b"X-Loop: other@example.org\r\n\r\n"), LIST)
    header = read_header(mail.to_bytes())
    assert header.all("X-Loop") == (LIST, "other@example.org")
    assert circles(header, "notes@LISTS.example.net") == (
        "The mail goes in circles: notes@LISTS.example.net has sent it on before."
    )
    assert circles(header, "third@example.org") is None


@pytest.mark.parametrize(("hops", "expected"), [(50, None), (51, "The mail goes in circles: it has 51 Received fields.")])
def test_a_mail_that_came_far_circles(hops: int, expected: str | None) -> None:
    """More than fifty Received fields are a circle; other fields that name our host are none."""
    raw = b"Received: by mx.example.net; x\r\n" * hops + b"X-Seen-By: lists.example.net\r\n" * 60 + b"\r\n"
    assert circles(read_header(raw), LIST) == expected
