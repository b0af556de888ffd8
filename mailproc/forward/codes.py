"""The codes by which mail servers tell what became of a mail: replies (RFC 5321) and enhanced status codes (RFC 3463)."""

from __future__ import annotations

import re

from mailproc import Reply

_STATUS = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"

_IN_TEXT = re.compile(rf"(?<![0-9.])({_STATUS})(?![0-9.])")
_REFUSING = re.compile(r"(?<![0-9.])([45][0-9]{2})(?![0-9.])")
_REPLY = re.compile(rf"([245][0-9]{{2}})[ -]?(?:({_STATUS}) )?(.*)", re.DOTALL)


def status_in(text: str) -> str:
    """The first enhanced status code in a text, "" without one."""
    found = _IN_TEXT.search(text)
    return found[1] if found else ""


def refusal_in(text: str) -> str:
    """The first code of a reply that refuses, 4yz or 5yz, in a text; "" without one."""
    found = _REFUSING.search(text)
    return found[1] if found else ""


def read_reply(text: str) -> Reply | None:
    """The reply that a text such as ``550 5.7.1 Not today`` is; None for what is none."""
    found = _REPLY.fullmatch(text.strip())
    return Reply(int(found[1]), found[2] or "", found[3]) if found else None
