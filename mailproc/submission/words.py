"""What a relay says and what goes wrong with it, in words of one line for the operator."""

from __future__ import annotations

import smtplib
import ssl

from mailproc.reading.display import one_line

_LONGEST_REPLY = 500  # characters; a line of a reply holds 512 octets (RFC 5321 section 4.5.3.1.5)


def said(code: int, reply: bytes) -> str:
    """A reply of the relay, with its code, on one line."""
    return line(f"{code} {reply.decode('ascii', 'replace')}")


def trouble(error: OSError) -> str:
    """What went wrong, on one line: the relay's own words where it gave some."""
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return said(error.smtp_code, reply if isinstance(reply, bytes) else str(reply).encode())
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return line(error.strerror or str(error) or type(error).__name__)


def advice(error: OSError) -> str:
    """What the operator can do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "use the host name that its certificate is for, or name its authority's certificate as ca_file"
    if isinstance(error, ssl.SSLError):
        return "check port and security: smtps: is TLS from the start (465), smtp+starttls: begins in clear (587)"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it does not offer STARTTLS; use smtps:, or check that nobody is in between"
    return "check that it runs and that host and port are right"


def line(text: str) -> str:
    """``text`` on one line that can be shown, cut where it is too long for a reply."""
    return one_line(text, _LONGEST_REPLY)
