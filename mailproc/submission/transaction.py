"""The mail transaction: one mail, for one recipient, on a connection that is open (RFC 5321 section 3.3)."""

from __future__ import annotations

import re
import smtplib
from typing import NamedTuple

from mailproc.failpoints import failpoint

# Visible, without blanks and angle brackets: nothing that ends a command (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
_PATH = re.compile(r"[^\x00- <>\x7f]*")
_UNCLEAN = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LEADING_DOT = re.compile(rb"(?m)^\.")

_Reply = tuple[int, bytes]


class Problem(NamedTuple):
    """Why a mail cannot be sent at all: an enhanced status code (RFC 3463), and the same in words."""

    status: str
    text: str


def transaction(smtp: smtplib.SMTP, reverse_path: str, recipient: str, raw: bytes) -> _Reply:
    """The reply that ended the mail transaction (RFC 5321 section 3.3): the first that refuses, or that to the content."""
    parameters = [f"SIZE={len(raw)}"] if smtp.has_extn("size") else []
    parameters += ["BODY=8BITMIME"] if not raw.isascii() else []
    parameters += ["SMTPUTF8"] if smtp.has_extn("smtputf8") and _international(reverse_path, recipient, raw) else []
    smtp.command_encoding = "utf-8"
    code, reply = smtp.docmd("MAIL", " ".join([f"FROM:<{reverse_path}>", *parameters]))
    if not 200 <= code < 300:
        return _refused(code, reply)
    code, reply = smtp.docmd("RCPT", f"TO:<{recipient}>")
    if not 200 <= code < 300:
        return _refused(code, reply)
    code, reply = smtp.docmd("DATA")
    if code != 354:
        return _refused(code, reply)
    smtp.send(_LEADING_DOT.sub(b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    failpoint("outbox-after-data")
    return smtp.getreply()


def _refused(code: int, reply: bytes) -> _Reply:
    """What a reply means that is not the one to go on with: no 2yz or 3yz in the middle says that the mail was taken."""
    return (code, reply) if code >= 400 else (451, reply)


def lacking(smtp: smtplib.SMTP, reverse_path: str, recipient: str, raw: bytes) -> Problem | None:
    """Why this relay cannot take it: what it does not offer (RFC 6152, RFC 6531 section 3.5)."""
    if not (reverse_path + recipient).isascii() and not smtp.has_extn("smtputf8"):
        return Problem("5.6.7", "an address is not ASCII, and the relay does not offer SMTPUTF8")
    if not raw.isascii() and not smtp.has_extn("8bitmime"):
        return Problem("5.6.3", "it has 8-bit octets, and the relay does not offer 8BITMIME")
    return None


def _international(reverse_path: str, recipient: str, raw: bytes) -> bool:
    """Whether the envelope or the header is not ASCII (RFC 6531 section 3.4)."""
    return not ((reverse_path + recipient).isascii() and raw.partition(b"\r\n\r\n")[0].isascii())


def unfit(reverse_path: str, recipient: str, raw: bytes) -> Problem | None:
    """Why this can never be sent: it would say more to the relay than one mail (RFC 5321 sections 2.3.8 and 4.1.2)."""
    if not recipient or not all(_PATH.fullmatch(path) and path.isprintable() for path in (recipient, reverse_path)):
        return Problem("5.1.3", "an address that SMTP cannot carry")
    return Problem("5.6.0", "a bare CR, a bare LF or a NUL in it") if _UNCLEAN.search(raw) else None
