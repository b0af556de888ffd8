"""Logging in at a relay (RFC 4954): with a password once; with a token once more, where there is a fresh one."""

from __future__ import annotations

import base64
import json
import smtplib
from collections.abc import Iterable

from mailproc.errors import LoginRefused
from mailproc.submission.words import line, said
from mailproc.transport import Bearer, Login, Response, encoded, without

_LONGEST_COMMAND = 512  # octets with the line's end; a longer response follows on a line of its own (RFC 4954 section 4)


def log_in(smtp: smtplib.SMTP, host: str, port: int, username: str, login: Login) -> None:
    """Log in by one mechanism: trying them all would count as three wrong passwords.

    Raises `LoginRefused` when the relay says no to us, and an error of smtplib when it cannot log us in now; what gives a
    token may raise `Away` and `SettingsError`.
    """
    if isinstance(login, Bearer):
        problem = _with_token(smtp, login, login.responses(username, host, port))
    else:
        problem = _with_password(smtp, username, login)
    if problem:
        raise LoginRefused(f"relay {host}:{port}: {problem}")


def _with_password(smtp: smtplib.SMTP, username: str, password: str) -> str:
    """Why we are not in, "" when we are."""
    offered = _offered(smtp)
    plain, word = encoded(f"\0{username}\0{password}".encode()), encoded(password.encode())
    if "PLAIN" in offered:  # RFC 4616
        code, reply = smtp.docmd("AUTH", f"PLAIN {plain}")
    elif "LOGIN" in offered:
        code, reply = smtp.docmd("AUTH", f"LOGIN {encoded(username.encode())}")
        code, reply = smtp.docmd(word) if code == 334 else (code, reply)
    else:
        return "offers no AUTH PLAIN or LOGIN; check port and security, or give no user name"
    words = _refusal(code, reply, [password, plain, word])
    return f"{words}; check the user name and password" if words else ""


def _with_token(smtp: smtplib.SMTP, bearer: Bearer, responses: Iterable[Response]) -> str:
    """Why we are not in, "" when we are."""
    if bearer.mechanism not in (offered := _offered(smtp)):
        return f"offers {line(' '.join(['AUTH', *offered])) if offered else 'no AUTH'} and not {bearer.mechanism}; change auth"
    words = ""
    for response in responses:
        if not (words := _tried(smtp, bearer, response)):
            return ""
    return f"{words}; is the token for this user, and of the right scope?"


def _tried(smtp: smtplib.SMTP, bearer: Bearer, response: Response) -> str:
    """Try one token; "" when we are in, else the relay's words."""
    word = encoded(response.octets)
    if len(f"AUTH {bearer.mechanism} {word}\r\n") <= _LONGEST_COMMAND:
        code, reply = smtp.docmd("AUTH", f"{bearer.mechanism} {word}")
    else:
        code, reply = smtp.docmd("AUTH", bearer.mechanism)
        code, reply = smtp.docmd(word) if code == 334 else (code, reply)
    why = ""
    if code == 334:  # its error, which waits for a word of ours
        why = _explained(reply, response.secrets)
        code, reply = smtp.docmd(encoded(bearer.acknowledgement))
    words = _refusal(code, reply, response.secrets)
    return f"{words}; {why}" if words and why else words


def _offered(smtp: smtplib.SMTP) -> list[str]:
    return smtp.esmtp_features.get("auth", "").upper().split()


def _refusal(code: int, reply: bytes, secrets: Iterable[str]) -> str:
    """The relay's words when this reply to AUTH says no to us, "" when we are in; raises what is no refusal of us."""
    masked = without(reply.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")
    if 400 <= code < 500:
        raise smtplib.SMTPAuthenticationError(code, masked)
    return "" if code == 235 else said(code, masked)


def _explained(challenge: bytes, secrets: Iterable[str]) -> str:
    """The relay's error of RFC 7628 section 3.2.2, which is JSON in base64, in words."""
    try:
        read = json.loads(base64.b64decode(challenge))
    except (ValueError, RecursionError):
        return ""
    words = ", ".join(f"{name} {value}" for name, value in read.items()) if isinstance(read, dict) else ""
    return line(without(words, secrets))
