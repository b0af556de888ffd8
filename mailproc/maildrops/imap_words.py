"""What an IMAP server says and what goes wrong with it, in words of one line for the operator."""

from __future__ import annotations

import imaplib

from mailproc.maildrops.account import network_reason, shown

# What can go wrong with an answer: the connection, the server's own no, and what imaplib and imapclient raise on bytes that
# are no IMAP.
TROUBLE = (
    *(OSError, imaplib.IMAP4.error),
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RecursionError, MemoryError),
)

# Response codes of a NO that will not be repeated for ever (RFC 5530 section 3).
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")


def reason(error: BaseException) -> str:
    """Why the server cannot be used now, in one line, with the remedy where there is one."""
    if isinstance(error, OSError):
        return network_reason(error)
    if isinstance(error, imaplib.IMAP4.error):
        return shown(said(error))
    return f"its answer cannot be read: {shown(said(error))}"


def passing(error: imaplib.IMAP4.error) -> bool:
    """Whether the server says that its NO is for now only."""
    return any(code in said(error).upper() for code in _PASSING)


def refused(error: BaseException) -> bool:
    """Whether the server has answered the command with NO: then the connection is as good as before."""
    return type(error) is imaplib.IMAP4.error and " failed: " in said(error)


def said(error: BaseException) -> str:
    """The text of an error of imaplib, which is the server's, as it came."""
    first = error.args[0] if error.args else error
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
