"""The message that is answered, and the copy of it that goes back with an error mail."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.charset import Charset
from email.message import Message
from email.policy import compat32

from mailproc.address import Address
from mailproc.answers.plaintext import quoted_printable
from mailproc.reading.header import Header
from mailproc.reading.words import decode_words

ATTACHED = 65_536  # octets of the original that go back with an error mail
ATTACHED_OF_LARGE = 8_192  # of one that was too large: its author knows what it was, and must not get it all back
_LONGEST_LINE = 998  # octets without the line end (RFC 5322 section 2.1.1)
_MOST_PARTS = 100  # mails with more of them are not taken apart: a parser's time grows with the square of its parts
_MOST_GROWTH = 4  # quoted-printable triples what is all 8-bit; more comes only of a header made for it
_OPEN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
_SEVEN_BIT = bytes(octet if 0 < octet < 128 else ord("?") for octet in range(256))
_POLICY = compat32.clone(linesep="\r\n", max_line_length=None, mangle_from_=False)


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is answered, as far as an answer needs it.

    ``raw`` is the whole, or the beginning of one that is too large; ``size`` is the true one in octets. ``author`` is the
    single From address, None unless there is exactly one. ``subject`` is decoded; ``message_id`` and ``references`` are
    the values of their fields as received, "" where there is none. ``receipt_id`` is the same over every attempt.
    """

    raw: bytes
    size: int
    recipient: str
    receipt_id: str
    author: Address | None
    subject: str = ""
    message_id: str = ""
    references: str = ""

    @classmethod
    def of(cls, raw: bytes, header: Header, *, size: int, recipient: str, receipt_id: str, author: Address | None) -> Original:
        """The original whose ``header`` has been read; ``raw`` may be its beginning only.

        Without References its In-Reply-To stands in for them (RFC 5322 section 3.6.4).
        """
        return cls(
            raw=raw,
            size=size,
            recipient=recipient,
            receipt_id=receipt_id,
            author=author,
            subject=decode_words(header.first("Subject") or ""),
            message_id=header.first("Message-ID") or "",
            references=header.first("References") or header.first("In-Reply-To") or "",
        )


def attachable(raw: bytes, limit: int) -> bytes:
    """The first ``limit`` octets of ``raw`` as the body of a message/rfc822 part in 7bit; never raises.

    RFC 2046 section 5.2.1 forbids base64 and quoted-printable on message/rfc822, and 8-bit octets would need a relay with
    8BITMIME. So the copy is made 7-bit *inside*: its own 8-bit parts become quoted-printable and its 8-bit header fields
    encoded words. What that cannot mend becomes a question mark. Lines end with CRLF and are of legal length, so that no
    bare CR or LF is left with which a mail could be smuggled past the end of ours. It is a copy for a person to see
    which mail is meant; the archive holds the truth.
    """
    beginning = raw[:limit]
    if not beginning.isascii():
        beginning = _recoded(beginning)
    lines = re.split(rb"\r\n|\r|\n", beginning.translate(_SEVEN_BIT))
    return b"\r\n".join(_folded(line) for line in lines)


def _folded(line: bytes) -> bytes:
    if len(line) <= _LONGEST_LINE:
        return line
    step = _LONGEST_LINE - 1  # the blank makes it a folded field where it stands in a header
    return b"\r\n ".join(line[at : at + step] for at in range(0, len(line), step))


def _recoded(raw: bytes) -> bytes:
    """``raw`` with its 8-bit text in quoted-printable, or as it is when the parser cannot cope with it."""
    if raw.lower().count(b"boundary") > _MOST_PARTS or raw.count(b"\n--") > _MOST_PARTS:
        return raw
    try:
        message = email.message_from_bytes(raw, policy=_POLICY)
        for part in message.walk():
            _recode_header(part)
            _recode_body(part)
        recoded = message.as_bytes(policy=_POLICY)
    except Exception:  # RecursionError, LookupError, IndexError ...: a parser may die of any mail, an answer may not
        return raw
    return recoded if len(recoded) <= _MOST_GROWTH * len(raw) + _LONGEST_LINE else raw


def _recode_header(part: Message) -> None:
    fields = list(part.raw_items())
    for name in {name for name, _ in fields}:
        del part[name]
    for name, value in fields:
        words = re.split(r"(\s+)", value)
        part.set_raw(name, "".join(word if word.isascii() else _encoded_word(word) for word in words))


def _encoded_word(word: str) -> str:
    octets = word.encode("ascii", "surrogateescape")
    try:
        decoded = octets.decode("utf-8")
    except UnicodeDecodeError:
        decoded = octets.decode("latin-1")
    return Charset("utf-8").header_encode(decoded)


def _recode_body(part: Message) -> None:
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in _OPEN_ENCODINGS:
        return
    octets = part.get_payload(decode=True)
    if part.is_multipart():
        _say(part, "7bit" if encoding else "")
    elif isinstance(octets, bytes) and not octets.isascii():
        part.set_payload(quoted_printable(octets).decode("ascii"))
        _say(part, "quoted-printable")


def _say(part: Message, encoding: str) -> None:
    del part["Content-Transfer-Encoding"]
    if encoding:
        part["Content-Transfer-Encoding"] = encoding
