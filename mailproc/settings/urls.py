"""The URLs of the configuration, split into values: maildrops, the relay, the database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from mailproc.errors import SettingsError
from mailproc.settings.passwords import Secret
from mailproc.transport import Security, is_loopback

# RFC 8314 section 7.3, RFC 1939 section 3 and RFC 6409 section 3.1 name the ports.
_IMAP: dict[str, tuple[Security, int]] = {"imaps": ("tls", 993), "imap+starttls": ("starttls", 143), "imap": ("plain", 143)}
_POP3: dict[str, tuple[Security, int]] = {"pop3s": ("tls", 995), "pop3+starttls": ("starttls", 110), "pop3": ("plain", 110)}
_SMTP: dict[str, tuple[Security, int]] = {"smtps": ("tls", 465), "smtp+starttls": ("starttls", 587), "smtp": ("plain", 25)}


class ImapUrl(msgspec.Struct, frozen=True, tag="imap"):
    """A mailbox on an IMAP server: ``imaps://USER@HOST[:PORT]/FOLDER``."""

    host: str
    port: int
    security: Security
    username: str
    folder: str


class MaildirUrl(msgspec.Struct, frozen=True, tag="maildir"):
    """A Maildir on this machine: ``maildir:PATH``."""

    path: Path


class Pop3Url(msgspec.Struct, frozen=True, tag="pop3"):
    """A maildrop on a POP3 server: ``pop3s://USER@HOST[:PORT]``."""

    host: str
    port: int
    security: Security
    username: str


class MboxUrl(msgspec.Struct, frozen=True, tag="mbox"):
    """An mbox file on this machine: ``mbox:PATH``."""

    path: Path


MaildropUrl = ImapUrl | Pop3Url | MaildirUrl | MboxUrl

# What a path on this machine is: the kind of maildrop, and what the path names.
_LOCAL: dict[str, tuple[type[MaildirUrl] | type[MboxUrl], str]] = {"maildir": (MaildirUrl, "folder"), "mbox": (MboxUrl, "file")}


class SmtpUrl(msgspec.Struct, frozen=True):
    """The relay that takes our mail: ``smtp+starttls://[USER@]HOST[:PORT]``; ``username`` None means no login."""

    host: str
    port: int
    security: Security
    username: str | None


class DatabaseUrl(msgspec.Struct, frozen=True):
    """Where the database is; it may hold a password, so ``url`` is a secret. ``file`` is SQLite's, absolute, else None."""

    url: Secret
    file: Path | None
    has_password: bool = False


def read_maildrop_url(text: str, folder: Path, *, allow_plaintext: bool = False) -> MaildropUrl:
    """Split the URL of a maildrop; a relative path is below ``folder``. Raises ValueError with the fix."""
    scheme, _, rest = text.partition(":")
    if scheme.lower() in _LOCAL:
        kind, what = _LOCAL[scheme.lower()]
        if not rest:
            raise ValueError(f"{scheme.lower()}: needs a {what}: {scheme.lower()}:PATH")
        return kind(folder / rest)
    parts = _split(text, _IMAP | _POP3, "imaps:, imap+starttls:, imap:, pop3s:, pop3+starttls:, pop3:, maildir: and mbox:")
    security, port = (_IMAP | _POP3)[parts.scheme]
    protocol = parts.scheme[:4]
    if parts.username is None:
        raise ValueError(f"there is no user name; write it like {protocol}s://USER@HOST")
    host = _host(parts)
    if security == "plain" and not (allow_plaintext or is_loopback(host)):
        raise ValueError(
            f"{protocol}: sends the password in the clear; use {protocol}s: or {protocol}+starttls:, "
            "or set allow_plaintext = true"
        )
    if protocol == "imap":
        return ImapUrl(host, parts.port or port, security, unquote(parts.username), unquote(parts.path[1:]) or "INBOX")
    if parts.path.strip("/"):
        raise ValueError("nothing may follow the host: a POP3 server has one maildrop for a user, and no folders")
    return Pop3Url(host, parts.port or port, security, unquote(parts.username))


def read_smtp_url(text: str) -> SmtpUrl:
    """Split the URL of the relay. Raises ValueError with the fix."""
    parts = _split(text, _SMTP, "smtp+starttls:, smtps: and smtp:")
    security, port = _SMTP[parts.scheme]
    host = _host(parts)
    username = None if parts.username is None else unquote(parts.username)
    if parts.path.strip("/"):
        raise ValueError("nothing may follow the host of the relay")
    if security == "plain" and username and not is_loopback(host):
        raise ValueError("smtp: sends the password in the clear; use smtp+starttls: or smtps:")
    return SmtpUrl(host, parts.port or port, security, username)


def read_database_url(text: str, folder: Path) -> DatabaseUrl:
    """Look into the URL of the database; a relative SQLite file is below ``folder``. Raises ValueError with the fix."""
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        name, mark, query = rest[1:].partition("?")
        file = folder / name
        return DatabaseUrl(Secret(f"sqlite:///{file}{mark}{query}"), file)
    if scheme in {"postgresql", "postgresql+psycopg"}:
        return DatabaseUrl(Secret(text), None, has_password=split_netloc(text).password is not None)
    raise ValueError("must be sqlite:///FILE or postgresql://USER@HOST/NAME")


def read_name_server(text: str) -> str:
    """The address of a name server, which the client of the DNS can read. Raises ValueError with the fix."""
    from mailproc.dkim.txt import read_server  # only who sets it pays for it

    try:
        read_server(text)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    return text


def _split(text: str, schemes: dict[str, tuple[Security, int]], known: str) -> SplitResult:
    parts = split_netloc(text)
    if parts.scheme not in schemes:
        raise ValueError(f"{parts.scheme + ':' if parts.scheme else 'no scheme'} is not known here; there are {known}")
    if parts.password is not None:
        raise ValueError("a password must not stand in a URL; use password_file or password_command")
    if parts.query or parts.fragment:
        raise ValueError("a ? or # must be written as %3F or %23")
    return parts


def split_netloc(text: str) -> SplitResult:
    """The parts of a URL whose port is a port. Raises ValueError with the fix."""
    # urlsplit drops tabs and line ends without a word, and a URL is one line on every log.
    if not text.isprintable():
        raise ValueError("a URL must not hold control characters")
    parts = urlsplit(text)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port must be a number from 1 to 65535") from None
    return parts


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise ValueError(f"there is no host; write it like {parts.scheme}://HOST")
    return parts.hostname
