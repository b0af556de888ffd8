"""The mail transaction: one mail, for one recipient, on a connection that is open (RFC 5321 section 3.3)."""

from __future__ import annotations

import re
import smtplib

from mailproc.failpoints import failpoint

_PATH = re.compile(r"[!-;=?-~]*")  # visible ASCII without angle brackets: nothing that ends a command (RFC 5321 section 4.1.2)
_UNCLEAN = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LEADING_DOT = re.compile(rb"(?m)^\.")

_Reply = tuple[int, bytes]


def transaction(smtp: smtplib.SMTP, reverse_path: str, recipient: str, raw: bytes) -> _Reply:
    """The reply that ended the mail transaction (RFC 5321 section 3.3): the first that refuses, or that to the content."""
    parameters = [f"SIZE={len(raw)}"] if smtp.has_extn("size") else []
    parameters += ["BODY=8BITMIME"] if not raw.isascii() else []
    code, reply = smtp.docmd("MAIL", " ".join([f"FROM:<{reverse_path}>", *parameters]))
    if code != 250:
        return code, reply
    code, reply = smtp.docmd("RCPT", f"TO:<{recipient}>")
    if code not in (250, 251):
        return code, reply
    code, reply = smtp.docmd("DATA")
    if code != 354:
        return (code, reply) if code >= 400 else (451, reply)
    smtp.send(_LEADING_DOT.sub(b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    failpoint("outbox-after-data")
    return smtp.getreply()


def unfit(reverse_path: str, recipient: str, raw: bytes) -> str | None:
    """Why this can never be sent: it would say more to the relay than one mail (RFC 5321 sections 2.3.8 and 4.1.2)."""
    if not recipient or not _PATH.fullmatch(recipient) or not _PATH.fullmatch(reverse_path):
        return "an address that SMTP cannot carry"
    return "a bare CR, a bare LF or a NUL in it" if _UNCLEAN.search(raw) else None
