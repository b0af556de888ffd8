"""Logging in at a relay (RFC 4954): with a password once; with a token once more, where there is a fresh one."""

from __future__ import annotations

import base64
import json
import smtplib
from collections.abc import Callable

from mailproc.errors import LoginRefused
from mailproc.submission.words import line, said
from mailproc.transport import Bearer, Login

_LONGEST_COMMAND = 512  # octets with the line's end; a longer response follows on a line of its own (RFC 4954 section 4)


def log_in(smtp: smtplib.SMTP, host: str, port: int, username: str, login: Login) -> None:
    """Log in by one mechanism: trying them all would count as three wrong passwords.

    Raises `LoginRefused` when the relay says no to us, and an error of smtplib when it cannot log us in now; what gives a
    token may raise `Away` and `SettingsError`.
    """
    if isinstance(login, Bearer):
        problem = _with_token(smtp, login, lambda fresh: login.response(username, host, port, fresh=fresh))
    else:
        problem = _with_password(smtp, username, login)
    if problem:
        raise LoginRefused(f"relay {host}:{port}: {problem}")


def _with_password(smtp: smtplib.SMTP, username: str, password: str) -> str:
    """Why we are not in, "" when we are."""
    offered = _offered(smtp)
    if "PLAIN" in offered:  # RFC 4616
        response = _base64(f"\0{username}\0{password}".encode())
        code, reply = smtp.docmd("AUTH", f"PLAIN {response}")
    elif "LOGIN" in offered:
        code, reply = smtp.docmd("AUTH", f"LOGIN {_base64(username.encode())}")
        code, reply = smtp.docmd(_base64(password.encode())) if code == 334 else (code, reply)
    else:
        return "offers no AUTH PLAIN or LOGIN; check port and security, or give no user name"
    return "" if _done(code, reply) else f"{said(code, reply)}; check the user name and password"


def _with_token(smtp: smtplib.SMTP, bearer: Bearer, response: Callable[[bool], bytes]) -> str:
    """Why we are not in, "" when we are; a token that is refused is tried once more when there is a fresh one."""
    if bearer.mechanism not in (offered := _offered(smtp)):
        return f"offers {line(' '.join(['AUTH', *offered])) if offered else 'no AUTH'} and not {bearer.mechanism}; change auth"
    first = response(False)
    words = _tried(smtp, bearer, first)
    if words and (second := response(True)) != first:
        words = _tried(smtp, bearer, second)
    return f"{words}; is the token for this user, and of the right scope?" if words else ""


def _tried(smtp: smtplib.SMTP, bearer: Bearer, response: bytes) -> str:
    """Try one token; "" when we are in, else the relay's words."""
    encoded = _base64(response)
    token = response.rpartition(b" ")[2].rstrip(b"\x01")
    if len(f"AUTH {bearer.mechanism} {encoded}\r\n") <= _LONGEST_COMMAND:
        code, reply = smtp.docmd("AUTH", f"{bearer.mechanism} {encoded}")
    else:
        code, reply = smtp.docmd("AUTH", bearer.mechanism)
        code, reply = smtp.docmd(encoded) if code == 334 else (code, reply)
    why = ""
    if code == 334:  # its error, which waits for a word of ours (RFC 7628 section 3.2.3; empty for XOAUTH2)
        why = _explained(reply, token)
        code, reply = smtp.docmd("" if bearer.mechanism == "XOAUTH2" else _base64(b"\x01"))
    if _done(code, reply):
        return ""
    # A relay that repeats the command would put the token into our log.
    words = said(code, reply.replace(token, b"***").replace(encoded.encode(), b"***"))
    return f"{words}; {why}" if why else words


def _offered(smtp: smtplib.SMTP) -> list[str]:
    return smtp.esmtp_features.get("auth", "").upper().split()


def _done(code: int, reply: bytes) -> bool:
    """Whether this reply to AUTH says that we are in; raises what is no refusal of us."""
    if 400 <= code < 500:
        raise smtplib.SMTPAuthenticationError(code, reply)
    return code == 235


def _explained(challenge: bytes, token: bytes) -> str:
    """The relay's error of RFC 7628 section 3.2.2, which is JSON in base64, in words."""
    try:
        read = json.loads(base64.b64decode(challenge).replace(token, b"***"))
    except (ValueError, RecursionError):
        return ""
    return line(", ".join(f"{name} {value}" for name, value in read.items())) if isinstance(read, dict) else ""


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
