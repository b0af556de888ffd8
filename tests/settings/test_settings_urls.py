"""URLs of maildrops and the relay, and the port and security that their schemes mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.settings import ImapUrl, MaildirUrl, MboxUrl, Pop3Url, SmtpUrl
from mailproc.settings.mailbox import read_mailbox
from mailproc.settings.quantities import read_size, read_time
from mailproc.settings.urls import read_database_url, read_maildrop_url, read_smtp_url

HERE = Path("/srv")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("imaps://a@h.example", ImapUrl("h.example", 993, "tls", "a", "INBOX")),
        ("IMAPS://a@H.example/", ImapUrl("h.example", 993, "tls", "a", "INBOX")),
        (
            "imaps://a%40example.org@h.example:1993/Lists/Work%20%3F",
            ImapUrl("h.example", 1993, "tls", "a@example.org", "Lists/Work ?"),
        ),
        ("imaps://a@example.org@h.example", ImapUrl("h.example", 993, "tls", "a@example.org", "INBOX")),
        ("imap+starttls://a@h.example", ImapUrl("h.example", 143, "starttls", "a", "INBOX")),
        ("imap://a@localhost", ImapUrl("localhost", 143, "plain", "a", "INBOX")),
        ("imap://a@127.0.0.1:1143", ImapUrl("127.0.0.1", 1143, "plain", "a", "INBOX")),
        ("imap://a@[::1]", ImapUrl("::1", 143, "plain", "a", "INBOX")),
        ("pop3s://a@h.example", Pop3Url("h.example", 995, "tls", "a")),
        ("POP3S://a@H.example/", Pop3Url("h.example", 995, "tls", "a")),
        ("pop3s://a%40example.org@h.example:1995", Pop3Url("h.example", 1995, "tls", "a@example.org")),
        ("pop3+starttls://a@h.example", Pop3Url("h.example", 110, "starttls", "a")),
        ("pop3://a@[::1]", Pop3Url("::1", 110, "plain", "a")),
        ("mbox:/var/mail/x", MboxUrl(Path("/var/mail/x"))),
        ("MBOX:mail/x", MboxUrl(HERE / "mail/x")),
        ("maildir:Mail dir/x", MaildirUrl(HERE / "Mail dir/x")),
        ("maildir:/var/mail/x", MaildirUrl(Path("/var/mail/x"))),
    ],
)
def test_maildrop_urls(text: str, url: object) -> None:
    """The scheme gives port and security, the path the folder."""
    assert read_maildrop_url(text, HERE) == url


def test_plain_text_to_another_machine_needs_leave() -> None:
    """allow_plaintext = true is that leave."""
    assert read_maildrop_url("pop3://a@h.example", HERE, allow_plaintext=True) == Pop3Url("h.example", 110, "plain", "a")
    assert read_maildrop_url("imap://a@h.example", HERE, allow_plaintext=True) == ImapUrl(
        "h.example", 143, "plain", "a", "INBOX"
    )


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("smtp://relay.example", SmtpUrl("relay.example", 25, "plain", None)),
        ("smtp://a@localhost:2525", SmtpUrl("localhost", 2525, "plain", "a")),
        ("smtps://a@relay.example", SmtpUrl("relay.example", 465, "tls", "a")),
        ("smtp+starttls://relay.example/", SmtpUrl("relay.example", 587, "starttls", None)),
    ],
)
def test_relay_urls(text: str, url: SmtpUrl) -> None:
    """A relay without a user name is used without a login."""
    assert read_smtp_url(text) == url


@pytest.mark.parametrize(
    ("text", "file", "url"),
    [
        ("sqlite:///mailproc.db", HERE / "mailproc.db", "sqlite:////srv/mailproc.db"),
        ("sqlite:////var/x.db", Path("/var/x.db"), "sqlite:////var/x.db"),
        ("sqlite:///x.db?timeout=9", HERE / "x.db", "sqlite:////srv/x.db?timeout=9"),
        ("postgresql://h/db", None, "postgresql://h/db"),
    ],
)
def test_database_urls(text: str, file: Path | None, url: str) -> None:
    """A relative SQLite file is below the folder of the configuration."""
    read = read_database_url(text, HERE)
    assert (read.file, read.url.reveal()) == (file, url)


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    """Whatever is written, the readers answer or raise ValueError."""
    for prefix in ("", "imaps://", "imap://a@", "pop3s://a@", "mbox:", "smtp://", "maildir:", "sqlite:///", "postgresql://"):
        for read in (lambda t: read_maildrop_url(t, HERE), read_smtp_url, lambda t: read_database_url(t, HERE), read_mailbox):
            try:
                read(prefix + text)
            except ValueError as error:
                assert str(error)


@pytest.mark.parametrize(
    ("text", "octets"), [("1 B", 1), ("25 MiB", 25 * 2**20), ("25MiB", 25 * 2**20), ("1.5 GiB", 3 * 2**29), ("2 kB", 2000)]
)
def test_sizes(text: str, octets: int) -> None:
    """Binary and decimal units are told apart."""
    assert read_size(text) == octets


@pytest.mark.parametrize(("text", "seconds"), [("30 s", 30), ("5 min", 300), ("1.5 h", 5400), ("2 d", 172800)])
def test_times(text: str, seconds: float) -> None:
    """Seconds to days have a unit each."""
    assert read_time(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "min", "-5 min", "5 min ", "٥ min", "1e9 s", "nan s", "5 mi", 5, None, True])
def test_other_times_are_refused(text: object) -> None:
    """A number without a unit is refused, since nobody could tell what it means."""
    with pytest.raises(ValueError, match="is not a time"):
        read_time(text)


@pytest.mark.parametrize("text", ["a@b.example", "Mail Robot <a@b.example>", "Jürgen O'Hara <a@b.example>"])
def test_a_mailbox_is_written_as_it_was_read(text: str) -> None:
    """Neither the name nor the address changes on the way."""
    assert str(read_mailbox(text)) == text


def test_a_name_with_special_characters_is_quoted() -> None:
    """Else a header would take a part of it for a comment (RFC 5322 section 3.2.2)."""
    assert str(read_mailbox("J. Robot (test) <a@b.example>")) == '"J. Robot (test)" <a@b.example>'
