"""The mail transaction: one mail, for its recipients, on a connection that is open (RFC 5321 section 3.3)."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailproc.failpoints import failpoint

# Visible, without blanks and angle brackets: nothing that ends a command (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
_PATH = re.compile(r"[^\x00- <>\x7f]*")
_UNCLEAN = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_TOO_MANY = (452, 552)  # of recipients; the second says so at servers that follow RFC 821 (RFC 5321 section 4.5.3.1.10)

_Reply = tuple[int, bytes]


class Problem(NamedTuple):
    """Why a mail cannot be sent at all: an enhanced status code (RFC 3463), and the same in words."""

    status: str
    text: str


_NO_PATH = Problem("5.1.3", "an address that SMTP cannot carry")


def transaction(smtp: smtplib.SMTP, recipients: Sequence[str], raw: bytes) -> Iterator[tuple[str, _Reply]]:
    """The reply that decides for each recipient of the mail that was begun, as soon as it is known: the first that refuses,
    or that to the content.

    Who is not told of was not part of it: after some were taken the relay wants no more, or it hangs up (421).
    """
    taken: list[str] = []
    for recipient in recipients:
        code, reply = smtp.docmd("RCPT", f"TO:<{recipient}>")
        failpoint("forward-recipient")
        if 200 <= code < 300:
            taken.append(recipient)
        elif taken and code in _TOO_MANY:
            break
        else:
            yield recipient, _refused(code, reply)
            if code == 421:
                return
    if taken:
        end = _content(smtp, raw)
        yield from ((recipient, end) for recipient in taken)


def begin(smtp: smtplib.SMTP, reverse_path: str, recipients: Sequence[str], raw: bytes) -> _Reply:
    """The reply to MAIL; no 2yz: there is no transaction, and it is about us or about the mail as a whole."""
    parameters = [f"SIZE={len(raw)}"] if smtp.has_extn("size") else []
    parameters += ["BODY=8BITMIME"] if not raw.isascii() else []
    parameters += ["SMTPUTF8"] if smtp.has_extn("smtputf8") and _international(reverse_path, recipients, raw) else []
    smtp.command_encoding = "utf-8"
    code, reply = smtp.docmd("MAIL", " ".join([f"FROM:<{reverse_path}>", *parameters]))
    return (code, reply) if 200 <= code < 300 else _refused(code, reply)


def _content(smtp: smtplib.SMTP, raw: bytes) -> _Reply:
    code, reply = smtp.docmd("DATA")
    if code != 354:
        return _refused(code, reply)
    smtp.send(_LEADING_DOT.sub(b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    failpoint("outbox-after-data")
    return smtp.getreply()


def _refused(code: int, reply: bytes) -> _Reply:
    """What a reply means that is not the one to go on with: no 2yz or 3yz in the middle says that the mail was taken."""
    return (code, reply) if code >= 400 else (451, reply)


def _international(reverse_path: str, recipients: Sequence[str], raw: bytes) -> bool:
    """Whether the envelope or the header is not ASCII (RFC 6531 section 3.4)."""
    return not (all(path.isascii() for path in (reverse_path, *recipients)) and raw.partition(b"\r\n\r\n")[0].isascii())


def lacking(smtp: smtplib.SMTP, reverse_path: str, raw: bytes) -> Problem | None:
    """Why this relay cannot take the mail: what it does not offer (RFC 6152, RFC 6531 section 3.5)."""
    if not raw.isascii() and not smtp.has_extn("8bitmime"):
        return Problem("5.6.3", "it has 8-bit octets, and the relay does not offer 8BITMIME")
    return out_of_reach(smtp, reverse_path)


def out_of_reach(smtp: smtplib.SMTP, path: str) -> Problem | None:
    """Why this relay cannot take a command with this path."""
    if path.isascii() or smtp.has_extn("smtputf8"):
        return None
    return Problem("5.6.7", "an address is not ASCII, and the relay does not offer SMTPUTF8")


def unfit(reverse_path: str, raw: bytes) -> Problem | None:
    """Why this mail can never be sent: it would say more to the relay than one mail (RFC 5321 sections 2.3.8 and 4.1.2)."""
    if not _carried(reverse_path):
        return _NO_PATH
    return Problem("5.6.0", "a bare CR, a bare LF or a NUL in it") if _UNCLEAN.search(raw) else None


def unfit_recipient(recipient: str) -> Problem | None:
    """Why nothing can ever be sent to this recipient."""
    return None if recipient and _carried(recipient) else _NO_PATH


def _carried(path: str) -> bool:
    return _PATH.fullmatch(path) is not None and path.isprintable()
