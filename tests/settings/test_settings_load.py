"""Reading the configuration: what a good file says, where it is looked for, what the environment may change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailproc.address import Address
from mailproc.defaults import DEFAULT_DROP
from mailproc.errors import SettingsError
from mailproc.settings import After, ImapUrl, Mailbox, MaildirUrl, SmtpUrl, find, load

WHOLE = """
database = "sqlite:///var/mailproc.db"
archive = "archive"
state = "/run/mailproc"
max_size = "10 MiB"
answers = "texts"

[[maildrop]]
name = "main"
url = "imaps://robot@imap.example.org/INBOX"
password_file = "imap.password"
recipient_headers = ["X-Original-To"]
after = { handled = "keep", failed = "move:Failed" }

[[maildrop]]
name = "other"
url = "maildir:Mail/robot"

[smtp]
url = "smtp+starttls://robot@smarthost.example.org:587"
password_command = ["pass", "smtp"]
from = "Mail Robot <robot@example.org>"
admin = "postmaster@example.org"
ca_file = "ca.pem"

[openpgp]
verifier = "gnupg"

[dkim]
trusted_domains = ["example.net"]
on_dns_error = "ignore"

[log]
file = "mailproc.log"
format = "json"

[limits]
message_time = "90 s"
memory = "512 MiB"
chunk_messages = 7
chunk_size = "1 MiB"
max_archived = "1 GiB"

[domains."Bugs.Example.ORG"]
handler = "notes"
drop = ["bounce", "list"]
trust = ["openpgp"]

[domains."*"]
handler = "catchall"

[handler.notes]
use = "notes.mail:Notes"
limit = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file that a test writes its configuration to."""
    return tmp_path / "mailproc.toml"


def test_every_key_is_read(file: Path) -> None:
    """Every key of the contract arrives, typed, with paths absolute."""
    file.write_text(WHOLE)
    settings = load(file, {})
    here = file.parent
    assert settings.file == file
    assert settings.database.url.reveal() == f"sqlite:///{here}/var/mailproc.db"
    assert settings.database.file == here / "var/mailproc.db"
    assert (settings.archive, settings.state, settings.answers) == (here / "archive", Path("/run/mailproc"), here / "texts")
    assert settings.max_size == 10 * 2**20
    main, other = settings.maildrops
    assert main.url == ImapUrl("imap.example.org", 993, "tls", "robot", "INBOX")
    assert main.password_file == here / "imap.password"
    assert main.recipient_headers == ("X-Original-To",)
    assert main.after == After(handled="keep", failed="move:Failed")
    assert other.url == MaildirUrl(here / "Mail/robot")
    assert other.recipient_headers[0] == "X-Launchpad-Original-To"
    assert settings.smtp is not None
    assert settings.smtp.url == SmtpUrl("smarthost.example.org", 587, "starttls", "robot")
    assert settings.smtp.sender == Mailbox(Address("robot", "example.org"), "Mail Robot")
    assert settings.smtp.admin == Mailbox(Address("postmaster", "example.org"))
    assert settings.smtp.password_command == ("pass", "smtp")
    assert settings.dkim.trusted_domains == ("example.net",)
    assert settings.dkim.on_dns_error == "ignore"
    assert (settings.log.file, settings.log.format) == (here / "mailproc.log", "json")
    assert (settings.limits.message_time, settings.limits.memory, settings.limits.chunk_messages) == (90, 2**29, 7)
    assert settings.domains["bugs.example.org"].drop == ("bounce", "list")
    assert settings.domains["bugs.example.org"].trust == ("openpgp",)
    assert settings.domains["*"].drop == DEFAULT_DROP
    assert settings.handlers == {"notes": {"use": "notes.mail:Notes", "limit": 3}}


def test_an_empty_file_has_defaults(file: Path) -> None:
    """Nothing need be said: database, archive and state lie beside the file."""
    file.write_text("")
    settings = load(file, {})
    assert settings.database.file == file.parent / "mailproc.db"
    assert settings.archive == file.parent / "archive"
    assert settings.state == file.parent / "state"
    assert settings.max_size == 25 * 2**20
    assert settings.maildrops == ()
    assert settings.smtp is None
    assert settings.limits.message_time == 300


def test_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config goes before MAILPROC_CONFIG, and that before ./mailproc.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mailproc.settings.loading.SEARCHED", (Path("mailproc.toml"), tmp_path / "etc.toml"))
    assert find(None, {}) is None
    (tmp_path / "etc.toml").touch()
    assert find(None, {}) == tmp_path / "etc.toml"
    (tmp_path / "mailproc.toml").touch()
    assert find(None, {}) == Path("mailproc.toml")
    assert find(None, {"MAILPROC_CONFIG": "b.toml"}) == Path("b.toml")
    assert find(Path("a.toml"), {"MAILPROC_CONFIG": "b.toml"}) == Path("a.toml")


def test_no_file_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configuration the error names the places and `mailproc init`."""
    monkeypatch.setattr("mailproc.settings.loading.SEARCHED", (tmp_path / "a.toml", tmp_path / "b.toml"))
    with pytest.raises(SettingsError, match=r"neither .*a\.toml nor .*b\.toml that you may read; type: mailproc init"):
        load(None, {})


def test_paths_are_relative_to_the_file_and_not_to_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative --config and a later change of folder leave every path where it was."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/mailproc.toml").write_text('archive = "../archive"')
    monkeypatch.chdir(tmp_path)
    settings = load(Path("etc/mailproc.toml"), {})
    os.chdir("/")
    assert settings.archive.is_absolute()
    assert settings.archive == tmp_path / "etc/../archive"


def test_the_environment_overrides_single_values(file: Path) -> None:
    """MAILPROC_ and the path of a key in upper case sets texts, sizes, times, numbers and booleans."""
    file.write_text(WHOLE)
    settings = load(
        file,
        {
            "MAILPROC_DATABASE": "postgresql://db.example.org/mail",
            "MAILPROC_MAX_SIZE": "1 MiB",
            "MAILPROC_SMTP_URL": "smtps://relay.example.org",
            "MAILPROC_SMTP_FROM": "other@example.org",
            "MAILPROC_LIMITS_CHUNK_MESSAGES": "9",
            "MAILPROC_LIMITS_MESSAGE_TIME": "1 h",
            "MAILPROC_LOG_FORMAT": "text",
            "MAILPROC_OPENPGP_VERIFIER": "gnupg",
            "MAILPROC_MAILDROP_OTHER_URL": "imap://robot@mail.example.org",
            "MAILPROC_MAILDROP_OTHER_ALLOW_PLAINTEXT": "true",
            "MAILPROC_SMTP_PASSWORD": "hush",
            "MAILPROC_FAILPOINT": "lock:kill",
            "MAILPROC_CONFIG": "ignored.toml",
            "PATH": "/bin",
        },
    )
    assert settings.database.url.reveal() == "postgresql://db.example.org/mail"
    assert settings.max_size == 2**20
    assert settings.smtp is not None
    assert settings.smtp.url == SmtpUrl("relay.example.org", 465, "tls", None)
    assert settings.smtp.sender == Mailbox(Address("other", "example.org"))
    assert settings.smtp.password is not None
    assert settings.smtp.password.reveal() == "hush"
    assert (settings.limits.chunk_messages, settings.limits.message_time, settings.log.format) == (9, 3600, "text")
    assert settings.maildrops[1].url == ImapUrl("mail.example.org", 143, "plain", "robot", "INBOX")


def test_the_environment_can_open_a_section(file: Path) -> None:
    """A section that the file does not have may come from the environment alone."""
    file.write_text("")
    settings = load(file, {"MAILPROC_LOG_FILE": "a.log"})
    assert settings.log.file == file.parent / "a.log"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MAILPROC_LOG_FORMAT", "xml", r"^MAILPROC_LOG_FORMAT: log.format: 'xml' is not one of text, json$"),
        ("MAILPROC_LIMITS_CHUNK_MESSAGES", "many", r"^MAILPROC_LIMITS_CHUNK_MESSAGES: .* must be a whole number"),
        ("MAILPROC_DATABSE", "sqlite:///x", r"^MAILPROC_DATABSE: there is no such variable; did you mean MAILPROC_DATABASE\?$"),
    ],
)
def test_a_wrong_variable_is_named(file: Path, name: str, value: str, says: str) -> None:
    """What the environment gets wrong is not blamed on the file, and a near miss is refused."""
    file.write_text("")
    with pytest.raises(SettingsError, match=says):
        load(file, {name: value})


def test_variables_of_others_are_left_alone(file: Path) -> None:
    """A variable that only begins like ours, as an orchestrator makes them, is nobody's mistake."""
    file.write_text("")
    load(file, {"MAILPROC_SERVICE_HOST": "10.0.0.1", "MAILPROC_PORT": "tcp://10.0.0.1:25"})
