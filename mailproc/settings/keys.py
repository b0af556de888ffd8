"""The keys of the configuration: what an operator may say, and what holds when nothing is said.

Field names are the keys of the file, except where a plural or a word of Python made another name necessary. A check of
ours raises ValueError(".KEY: what is wrong"), which is joined to the name of the section.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from mailproc.defaults import DEFAULT_DROP, DEFAULT_TRUST, Drop, Method
from mailproc.envelope import MAX_SIZE
from mailproc.settings.mailbox import Mailbox
from mailproc.settings.oauth2 import Auth, Oauth2
from mailproc.settings.passwords import Secret
from mailproc.settings.quantities import Seconds, Size
from mailproc.settings.serving import Serve
from mailproc.settings.urls import DatabaseUrl, MaildirUrl, MaildropUrl, MboxUrl, Pop3Url, SmtpUrl
from mailproc.transport import is_loopback

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")

RECIPIENT_HEADERS = ("X-Launchpad-Original-To", "X-Gm-Original-To", "X-Original-To", "Delivered-To", "Envelope-To")


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How mail leaves the maildrop, by its disposition: ``delete``, ``move:FOLDER`` or ``keep``."""

    handled: str = "delete"
    dropped: str = "delete"
    rejected: str = "delete"
    failed: str = "delete"

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if value not in {"delete", "keep"} and not (value.startswith("move:") and value[5:].isprintable() and value[5:]):
                raise ValueError(f".{key}: {value!r} must be delete, keep or move:FOLDER")


class Maildrop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[maildrop]]``: a place that is emptied. ``password`` and ``token`` come from the environment only."""

    url: MaildropUrl
    name: str = "main"
    password_file: Path | None = None
    password_command: tuple[str, ...] = ()
    password: Secret | None = None
    auth: Auth = "password"
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    token: Secret | None = None
    oauth2: Oauth2 | None = None
    recipient_headers: tuple[str, ...] = RECIPIENT_HEADERS
    after: After = After()
    ca_file: Path | None = None
    allow_plaintext: bool = False

    def __post_init__(self) -> None:
        # The name is that of a lock file and of a marker, and a part of an environment variable.
        if not (self.name.isascii() and self.name.replace("-", "").replace("_", "").isalnum() and len(self.name) <= 64):
            raise ValueError(f".name: {self.name!r} must be of letters, digits, - and _")
        if not self.recipient_headers:
            raise ValueError(".recipient_headers: must name at least one header")
        if isinstance(self.url, Pop3Url | MboxUrl):
            self._refuse_to_move("a POP3 maildrop" if isinstance(self.url, Pop3Url) else "an mbox file")
        _check_login(self)

    def _refuse_to_move(self, kind: str) -> None:
        for key in self.after.__struct_fields__:
            if getattr(self.after, key).startswith("move:"):
                raise ValueError(f".after: {key} cannot be move: {kind} has no folders; say delete or keep")


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[smtp]``: the relay, and who our mail is from. ``password`` and ``token`` come from the environment only."""

    url: SmtpUrl
    sender: Mailbox = msgspec.field(name="from")
    admin: Mailbox | None = None
    password_file: Path | None = None
    password_command: tuple[str, ...] = ()
    password: Secret | None = None
    auth: Auth = "password"
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    token: Secret | None = None
    oauth2: Oauth2 | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        _check_login(self)


class Openpgp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[openpgp]``: what checks signatures; ``both`` must agree."""

    verifier: Literal["gnupg", "sequoia", "both"] = "gnupg"


class Dkim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[dkim]``: whose aligned DKIM signatures prove a sender (RFC 6376), and who tells (RFC 8601)."""

    trusted_domains: tuple[str, ...] = ()
    on_dns_error: Literal["defer", "ignore"] = "defer"
    dns_server: str | None = None
    authserv_id: str | None = None

    def __post_init__(self) -> None:
        for domain in self.trusted_domains:
            if not _DOMAIN.fullmatch(domain.lower()):
                raise ValueError(
                    f".trusted_domains: {domain!r} is no domain; write it like example.org, xn--... if it is not ASCII"
                )
        if self.authserv_id is not None and not _DOMAIN.fullmatch(self.authserv_id.lower()):
            raise ValueError(f".authserv_id: {self.authserv_id!r} is no name of a server; write it like mx.example.org")


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[log]``: where the events of a run go besides stderr."""

    file: Path | None = None
    format: Literal["text", "json"] = "text"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[limits]``: what one message and one run may use."""

    message_time: Seconds = Seconds(300)
    memory: Size = Size(2**30)
    chunk_messages: int = 50
    chunk_size: Size = Size(8 * 2**20)
    max_archived: Size = Size(256 * 2**20)

    def __post_init__(self) -> None:
        if not 1 <= self.chunk_messages <= 1000:
            raise ValueError(".chunk_messages: must be from 1 to 1000")


class Domain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[domains."..."]``: who serves a domain, what is dropped there unread, what proves a sender there."""

    handler: str
    drop: tuple[Drop, ...] = DEFAULT_DROP
    trust: tuple[Method, ...] = DEFAULT_TRUST


# Their end is fixed: the sender of a mail that is too big is told, and one that we cannot parse is our fault.
NEVER_DROPPED = {"too-big": "is always rejected", "unparseable": "always fails"}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. Paths are absolute; ``file`` is where it was read from and no key."""

    file: Path
    database: DatabaseUrl
    archive: Path
    state: Path
    max_size: Size = Size(MAX_SIZE)
    answers: Path | None = None
    maildrops: tuple[Maildrop, ...] = msgspec.field(name="maildrop", default=())
    smtp: Smtp | None = None
    openpgp: Openpgp = Openpgp()
    dkim: Dkim = Dkim()
    oauth2: dict[str, Oauth2] = {}
    serve: Serve | None = None
    log: Log = Log()
    limits: Limits = Limits()
    domains: dict[str, Domain] = {}
    handlers: dict[str, dict[str, Any]] = msgspec.field(name="handler", default_factory=dict)


def _check_login(section: Maildrop | Smtp) -> None:
    """Raise ValueError for keys of a login that contradict each other, or the URL."""
    tokens = [key for key in ("token", "token_file", "token_command") if getattr(section, key)]
    if section.auth == "password":
        if idle := [*tokens, *(["oauth2"] if section.oauth2 else [])]:
            raise ValueError(f'.{idle[0]}: has no use with a password; write auth = "xoauth2" or auth = "oauthbearer"')
        return
    if idle := [key for key in ("password", "password_file", "password_command") if getattr(section, key)]:
        raise ValueError(f'.{idle[0]}: has no use with auth = "{section.auth}"; remove it')
    if section.oauth2 and tokens:
        raise ValueError(f".{tokens[0]}: has no use beside oauth2; remove one of them")
    url = section.url
    if isinstance(url, MaildirUrl | MboxUrl) or url.username is None:
        raise ValueError(f'.url: there is no user name, and auth = "{section.auth}" needs one; write it like USER@HOST')
    if url.security == "plain" and not is_loopback(url.host):
        raise ValueError(".url: sends the token in the clear; use TLS or STARTTLS")
