"""Header fields that hold what they should and nothing else, whatever the value was.

The standard library of the Pythons that we support may write a field that a reader takes for two: it decodes encoded words
in a value and does not quote the line ends that come out (CVE-2024-6923). So no value is parsed again on its way out: words
of people go through `text`, everything else is put together from parts that were checked.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr

from mailproc.reading.display import one_line

LONGEST_SUBJECT = 250  # characters; what a person can have meant as a subject
MOST_REFERENCES = 20  # the first and the latest: enough to thread by, and a short header (RFC 5537 section 3.4.4)
_WIDTH = 78  # RFC 5322 section 2.1.1
_CRLF = "\r\n"
_LOOK_AT = 262_144  # characters of References that are looked at; a header is read no further either
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")  # visible ASCII without angle brackets, of a length that fits on a line


def text(name: str, value: str) -> bytes:
    """An unstructured field (RFC 5322 section 2.2.1) with words of people.

    What looks like an encoded word (RFC 2047) is itself encoded, so that no reader decodes what we never wrote.
    """
    line = one_line(value, LONGEST_SUBJECT)
    return _folded(name, line) if _plain(line) else _encoded(name, Header(line, "utf-8", header_name=name))


def exact(name: str, value: str) -> bytes:
    """A field whose value is safe by construction: visible ASCII and blanks. Raises ValueError when it is not."""
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError(f"{name} must be one line of ASCII")
    return _folded(name, value)


def mailbox(name: str, display_name: str, address: str) -> bytes:
    """A field with one mailbox (RFC 5322 section 3.4); ``address`` is as `wire_address` gives it."""
    words = one_line(display_name, LONGEST_SUBJECT)
    if _plain(words):
        return exact(name, formataddr((words, address)))
    header = Header(words, "utf-8", header_name=name)
    header.append(f"<{address}>", "us-ascii")
    return _encoded(name, header)


def _plain(words: str) -> bool:
    return words.isascii() and "=?" not in words


def _encoded(name: str, header: Header) -> bytes:
    return f"{name}: {header.encode(linesep=_CRLF)}{_CRLF}".encode("ascii")


def _folded(name: str, value: str) -> bytes:
    """Broken at blanks alone, and never right behind the name: a first line with nothing on it confuses old readers."""
    rows = [f"{name}:"]
    for word in value.split(" "):
        if rows != [f"{name}:"] and len(rows[-1]) + 1 + len(word) > _WIDTH:
            rows.append("")
        rows[-1] += f" {word}"
    return f"{_CRLF.join(rows)}{_CRLF}".encode("ascii")


def date(now: datetime) -> bytes:
    """The Date field."""
    return exact("Date", format_datetime(now))


def message_ids(value: str) -> list[str]:
    """The well-formed message identifiers in a field's value; the others are left out (RFC 5322 section 3.6.4)."""
    return [found for found in _MESSAGE_ID.findall(value[:_LOOK_AT]) if "=?" not in found]


def thread(message_id: str, references: str) -> list[bytes]:
    """In-Reply-To and References of what answers a message with these fields (RFC 3834 section 3.1.6)."""
    parent = message_ids(message_id)[:1]
    if not parent:
        return []
    chain = [found for found in message_ids(references) if found != parent[0]]
    if len(chain) >= MOST_REFERENCES:
        chain = [chain[0], *chain[2 - MOST_REFERENCES :]]
    return [exact("In-Reply-To", parent[0]), exact("References", " ".join([*chain, *parent]))]
