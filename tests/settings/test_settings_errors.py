"""Every mistake in a configuration is one line that names the file, the key and the fix."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mailproc.errors import SettingsError
from mailproc.settings import load

DROP = '[[maildrop]]\nurl = "maildir:x"\n'
SMTP = '[smtp]\nfrom = "a@example.org"\n'
DOMAIN = '[domains."example.org"]\nhandler = "x"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('databse = "x"', "databse: there is no such key; did you mean database?"),
        ("zzz = 1", "zzz: there is no such key; there are database, archive, state, max_size, answers, maildrop, "),
        ('file = "x"', "file: there is no such key"),
        ("archive = 5", "archive: must be the name of a file or folder"),
        ('archive = "s3://bucket/x"', "archive: 's3://bucket/x' is not a file or folder on this machine"),
        ('max_size = "25 megs"', "max_size: '25 megs' is not a size; write it like \"25 MiB\""),
        ("max_size = 25", "max_size: 25 is not a size"),
        ('max_size = "0 MiB"', "max_size: '0 MiB' is too small"),
        ('database = "mysql://x"', "database: must be sqlite:///FILE or postgresql://USER@HOST/NAME"),
        ('database = "sqlite://"', "database: must be sqlite:///FILE"),
        ("database = 1", "database: must be a text"),
        ('maildrop = "x"', "maildrop: must be written [[maildrop]]"),
        ("[maildrop]\nname='x'", "maildrop: must be written [[maildrop]]"),
        ('[[maildrop]]\nname = "x"', "maildrop[0].url: is missing"),
        (DROP + 'nmae = "x"', "maildrop[0].nmae: there is no such key; did you mean name?"),
        (DROP + 'name = "../x"', "maildrop[0].name: '../x' must be of letters, digits, - and _"),
        (DROP + DROP, "maildrop[1].name: 'main' is taken by another maildrop"),
        (DROP + "after = { handled = 'burn' }", "maildrop[0].after.handled: 'burn' must be delete, keep or move:FOLDER"),
        (DROP + "after = { handled = 'move:' }", "maildrop[0].after.handled: 'move:' must be delete, keep or move:FOLDER"),
        (DROP + "after = { handeld = 'keep' }", "maildrop[0].after.handeld: there is no such key; did you mean handled?"),
        (DROP + "recipient_headers = 'To'", "maildrop[0].recipient_headers: must be a list, not a text"),
        (DROP + "recipient_headers = []", "maildrop[0].recipient_headers: must name at least one header"),
        (DROP + "password = 'hush'", "maildrop[0].password: a secret must not stand in the configuration; use password_file"),
        ("[[maildrop]]\nurl = 'nntp://a@h'", "maildrop[0].url: nntp: is not known here; there are imaps:, imap+starttls:, "),
        ("[[maildrop]]\nurl = 'mbox:'", "maildrop[0].url: mbox: needs a file: mbox:PATH"),
        ("[[maildrop]]\nurl = 'pop3s://a@h/INBOX'", "maildrop[0].url: nothing may follow the host: a POP3 server has one"),
        (
            "[[maildrop]]\nurl = 'pop3://a@h'",
            "maildrop[0].url: pop3: sends the password in the clear; use pop3s: or pop3+starttls:",
        ),
        (
            "[[maildrop]]\nurl = 'pop3s://a@h'\nafter = { rejected = 'move:Failed' }",
            "maildrop[0].after: rejected cannot be move: a POP3 maildrop has no folders; say delete or keep",
        ),
        (
            "[[maildrop]]\nurl = 'mbox:x'\nafter = { handled = 'move:Done' }",
            "maildrop[0].after: handled cannot be move: an mbox file has no folders",
        ),
        ("[[maildrop]]\nurl = 'x'", "maildrop[0].url: no scheme is not known here"),
        ("[[maildrop]]\nurl = 'maildir:'", "maildrop[0].url: maildir: needs a folder"),
        ("[[maildrop]]\nurl = { type = 'maildir', path = 'x' }", "maildrop[0].url: must be a text"),
        ("[[maildrop]]\nurl = 'imap://a@example.org'", "maildrop[0].url: imap: sends the password in the clear; use imaps:"),
        ("[[maildrop]]\nurl = 'imap://a@127.example.org'", "maildrop[0].url: imap: sends the password in the clear"),
        ("[[maildrop]]\nurl = 'imaps://example.org'", "maildrop[0].url: there is no user name"),
        ("[[maildrop]]\nurl = 'imaps://a@'", "maildrop[0].url: there is no host"),
        ("[[maildrop]]\nurl = 'imaps://a:b@h'", "maildrop[0].url: a password must not stand in a URL; use password_file"),
        ("[[maildrop]]\nurl = 'imaps://a@h:99999'", "maildrop[0].url: the port must be a number from 1 to 65535"),
        ("[[maildrop]]\nurl = 'imaps://a@h/x?y'", "maildrop[0].url: a ? or # must be written as %3F or %23"),
        ('[[maildrop]]\nurl = "imaps://a@h\\nx"', "maildrop[0].url: a URL must not hold control characters"),
        ("smtp = 1", "smtp: must be a table"),
        (SMTP, "smtp.url: is missing"),
        (SMTP + "url = 'smtp://a@relay.example.org'", "smtp.url: smtp: sends the password in the clear; use smtp+starttls:"),
        (SMTP + "url = 'smtp://h/x'", "smtp.url: nothing may follow the host"),
        (SMTP + "url = 'lmtp://h'", "smtp.url: lmtp: is not known here; there are smtp+starttls:, smtps: and smtp:"),
        ("[smtp]\nurl = 'smtp://h'\nfrom = 'robot'", "smtp.from: 'robot' is not an address"),
        ("[smtp]\nurl = 'smtp://h'\nfrom = 'a@b.example>'", "smtp.from: 'a@b.example>' is not an address"),
        ('[smtp]\nurl = "smtp://h"\nfrom = "A\\nB <a@b.example>"', r"smtp.from: 'A\nB <a@b.example>' is not an address"),
        ("[openpgp]\nverifier = 'pgp5'", "openpgp.verifier: 'pgp5' is not one of gnupg, sequoia, both"),
        ("[dkim]\non_dns_error = 'x'", "dkim.on_dns_error: 'x' is not one of defer, ignore"),
        ("[dkim]\ntrusted_domains = ['a', 'b.c']", "dkim.trusted_domains: 'a' is no domain"),
        ("[dkim]\ntrusted_domains = ['bücher.example']", "dkim.trusted_domains: 'bücher.example' is no domain"),
        ("[dkim]\nauthserv_id = 'a b'", "dkim.authserv_id: 'a b' is no name of a server"),
        ("[dkim]\ndns_server = 'ns.example.org'", "dkim.dns_server: the name server 'ns.example.org' is no address and port"),
        ("[log]\nformat = 'xml'", "log.format: 'xml' is not one of text, json"),
        ("[log]\nfil = 'xml'", "log.fil: there is no such key; did you mean file?"),
        ("[limits]\nmessage_time = '5 fortnights'", "limits.message_time: '5 fortnights' is not a time; write it like"),
        ("[limits]\nchunk_messages = 0", "limits.chunk_messages: must be from 1 to 1000"),
        ("[limits]\nchunk_messages = true", "limits.chunk_messages: must be a whole number, not true or false"),
        (
            "[serve]\nauth = 'required'",
            "serve.auth: nobody can log in without TLS, and required refuses all others; give tls_cert",
        ),
        (
            '[serve]\nhostname = "mx host\\r\\nX"',
            r"serve.hostname: 'mx host\r\nX' is no name of a host; write it like mx.example",
        ),
        ("[serve]\nhostname = ''", "serve.hostname: '' is no name of a host"),
        ("domains = []", "domains: must be written [domains."),
        ('[domains."example.org"]', 'domains."example.org".handler: is missing'),
        ('[domains."a@example.org"]\nhandler = "x"', 'domains."a@example.org": is not a domain; write it like'),
        (DOMAIN + '[domains."EXAMPLE.org"]\nhandler = "y"', 'domains."example.org": stands there twice'),
        (DOMAIN + "drop = ['too-big']", "domains.\"example.org\".drop[0]: 'too-big' is always rejected"),
        (DOMAIN + "drop = ['unparseable']", "domains.\"example.org\".drop[0]: 'unparseable' always fails"),
        (DOMAIN + "drop = ['spam']", "domains.\"example.org\".drop[0]: 'spam' is not one of bounce, report, auto-reply, "),
        (DOMAIN + "trust = ['spf']", "domains.\"example.org\".trust[0]: 'spf' is not one of openpgp, dkim, from"),
        ("[handler]\nnotes = 1", "handler.notes: must be a table"),
        ("[[x", "is not TOML: "),
        ("a = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    """The error is one printable line that begins with the file."""
    file = tmp_path / "mailproc.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        load(file, {})
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).isprintable()


def test_logins_may_be_required_where_they_can_be(tmp_path: Path) -> None:
    """With a certificate, or where aiosmtpd is told to hear them without TLS; an address literal is a name."""
    file = tmp_path / "mailproc.toml"
    for means in ('tls_cert = "a"\ntls_key = "b"', "smtp_parameters = { auth_require_tls = false }"):
        file.write_text(f'[serve]\nauth = "required"\nhostname = "[192.0.2.1]"\n{means}\n')
        assert load(file, {}).serve is not None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: None, "there is no such file; type: mailproc --config .* init"),
        (lambda file: file.mkdir(), "Is a directory; name a file that can be read"),
        (os.mkfifo, "it is not a regular file; name one"),
        (lambda file: file.symlink_to("/dev/zero"), "it is not a regular file; name one"),
        (lambda file: file.write_bytes(b'a = "\xff"'), "octet 5 is not UTF-8; save it so"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: object, says: str) -> None:
    """A missing file, a folder, what may never give an end, and bytes that are no text each get their line, at once."""
    file = tmp_path / "mailproc.toml"
    make(file)  # type: ignore[operator]
    with pytest.raises(SettingsError, match=rf"mailproc\.toml: {says}$"):
        load(file, {})


def test_a_database_password_in_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    """The error has the chmod to type; after it, or from the environment, the URL is taken."""
    file = tmp_path / "mailproc.toml"
    file.write_text('database = "postgresql://a:hush@h/db"')
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=f"database: holds a password, .* type: chmod o-rwx {file}"):
        load(file, {})
    file.chmod(0o640)
    assert load(file, {}).database.url.reveal() == "postgresql://a:hush@h/db"
    file.write_text("")
    file.chmod(0o644)
    load(file, {"MAILPROC_DATABASE": "postgresql://a:hush@h/db"})
