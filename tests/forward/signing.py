"""Signs mail with dkimpy, as its author's server would, and verifies it with dkimpy, as a receiver's would."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import dkim

from mailproc.dkim.txt import Records

NOW = datetime.now(UTC)  # dkimpy signs with the time of the run
AUTHOR, LIST = "s1._domainkey.example.org", "s2._domainkey.lists.example.net"
MAIL = (
    b"Received: from mail.example.org by mx.example.net with ESMTPS id 1; Mon, 02 Nov 2026 10:00:01 +0000\r\n"
    b"From: Ann Doe <ann@example.org>\r\n"
    b"To: notes@lists.example.net\r\n"
    b"Subject: What we\r\n said\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"X-Odd:no blank\r\n"
    b"\r\n"
    b"It is  fine. \r\n"
    b".\r\n"
    b"From Ann\r\n"
    b"\r\n\r\n"
)
LIST_NAMES = (
    *(b"list-id", b"list-post", b"list-help", b"list-subscribe", b"list-unsubscribe", b"list-unsubscribe-post"),
    *(b"list-owner", b"sender", b"precedence", b"x-auto-response-suppress"),
)


@cache
def key(name: str) -> bytes:
    """An RSA private key in PEM; the same for the same name."""
    made = subprocess.run(["openssl", "genrsa", "-traditional", "1024"], check=True, capture_output=True, timeout=60)
    return made.stdout


@cache
def record(name: str) -> str:
    """The TXT record of a key."""
    command = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(command, input=key(name), check=True, capture_output=True, timeout=60).stdout
    return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def records() -> Records:
    """A DNS with the author's key and the list's."""
    return Records({AUTHOR: [record("author")], LIST: [record("list")]})


def signed(raw: bytes = MAIL, *, form: str = "relaxed/relaxed", more: tuple[bytes, ...] = ()) -> bytes:
    """The mail with a DKIM signature of example.org over its usual fields and ``more`` names."""
    header_form, body_form = form.encode().split(b"/")
    names = [b"from", b"to", b"subject", b"date", b"message-id", *more]
    field = dkim.sign(raw, b"s1", b"example.org", key("author"), canonicalize=(header_form, body_form), include_headers=names)
    return field + raw


def dns(known: Records) -> Callable[..., bytes | None]:
    """The look-up that dkimpy wants."""

    def look_up(name: bytes, timeout: float = 5) -> bytes | None:
        return next(iter(known.txt(name.decode())), None)

    return look_up


def verifies(raw: bytes) -> bool:
    """Whether the topmost DKIM signature is true, and there is one."""
    return b"DKIM-Signature:" in raw and bool(dkim.verify(raw, dnsfunc=dns(records())))
