"""A mail in one line, as a person's program would write it."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from mailproc.testing.keys import SigningKey, sign_mail

_LONGEST_LINE = 76  # characters; a program encodes what is longer (RFC 2045 section 6.7)
_NO_HEADERS: Mapping[str, str] = {}


def make_mail(
    *,
    to: str,
    sender: str = "ann@example.com",
    subject: str = "",
    text: str = "",
    html: str | None = None,
    attachments: Iterable[tuple[str, bytes]] = (),
    headers: Mapping[str, str] = _NO_HEADERS,
    key: SigningKey | None = None,
    inline: bool = False,
    at: datetime | None = None,
) -> bytes:
    """The raw bytes of a mail, no two of which are the same.

    ``sender`` and ``to`` are the values of From and To. ``attachments`` are pairs of a file name and its bytes. ``headers``
    are further fields, or such that take the place of ours. With a ``key`` the body is signed: as PGP/MIME (RFC 3156), or
    clear-signed within the text when ``inline``. ``at`` is when it is written and signed: now, unless said otherwise.
    """
    message = _envelope_fields(sender, to, subject, at)
    message.set_content(text, cte=_encoding(text, as_is=inline))
    if html is not None:
        message.add_alternative(html, subtype="html", cte="quoted-printable")
    for name, content in attachments:
        maintype, _, subtype = (mimetypes.guess_type(name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(content, maintype, subtype, filename=name)
    if inline and message.is_multipart():
        raise ValueError("only a plain text can be signed inline")
    for field, value in headers.items():
        del message[field]
        message[field] = value
    raw = message.as_bytes()
    return sign_mail(raw, key, inline=inline, at=at) if key else raw


def _envelope_fields(sender: str, to: str, subject: str, at: datetime | None) -> EmailMessage:
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(at or datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain="mail.example.com")
    return message


def _encoding(text: str, *, as_is: bool) -> str:
    """A Content-Transfer-Encoding that a signature survives (RFC 3156 section 3), or none when the text is signed in it."""
    if as_is:
        return "8bit"
    plain = text.isascii() and max(map(len, text.splitlines()), default=0) <= _LONGEST_LINE
    return "7bit" if plain else "quoted-printable"
