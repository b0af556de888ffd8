"""Mail that is made for tests is mail as programs write it."""

from datetime import UTC, datetime

import pytest

from mailproc.reading import read_message
from mailproc.testing import SigningKey, make_mail


@pytest.fixture(scope="module")
def key():
    """A key."""
    with SigningKey.generate("Ann <ann@example.com>") as key:
        yield key


def test_what_is_given_can_be_read():
    """Every argument is found again in the mail."""
    raw = make_mail(
        sender="Änne <ann@example.com>",
        to="x@example.org",
        subject="Grüße",
        text="Größe",
        html="<p>Größe</p>",
        attachments=[("a.txt", b"A"), ("b.bin", b"\x00\xff")],
        headers={"X-Test": "yes", "Message-ID": "<1@example.com>"},
        at=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    )
    message = read_message(raw)
    assert (message.subject, message.text.strip(), (message.html or "").strip()) == ("Grüße", "Größe", "<p>Größe</p>")
    attached = [(file.name, file.type, file.content) for file in message.attachments]
    assert attached == [("a.txt", "text/plain", b"A"), ("b.bin", "application/octet-stream", b"\x00\xff")]
    assert message.header.all("X-Test") == ("yes",)
    assert message.header.all("Message-ID") == ("<1@example.com>",)
    assert message.date == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert message.defects == ()


@pytest.mark.parametrize("options", [{}, {"html": "<p>x</p>"}, {"attachments": [("a.bin", b"\xff" * 200)]}, {"inline": True}])
def test_mail_is_fit_for_every_server(key, options):
    """Lines end with CRLF and are short; only a clear-signed text keeps its octets."""
    raw = make_mail(to="x@example.org", text="ä" * 2000 + "\n" + "word " * 400, key=key, **options)
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    assert "inline" in options or (raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998)


def test_no_two_mails_are_the_same():
    """A test that sends the same words twice sends two mails."""
    assert make_mail(to="x@example.org") != make_mail(to="x@example.org")


def test_only_text_is_signed_inline(key):
    """A clear-signed mail has no parts."""
    with pytest.raises(ValueError, match="only a plain text"):
        make_mail(to="x@example.org", html="<p>x</p>", key=key, inline=True)
