"""A mail and its envelope as classes that were written for emailtunnel know them: the header can be edited, the body not."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as ParsedMessage
from typing import NamedTuple

from mailproc.forward.received import Hop
from mailproc.forward.signed import with_subject
from mailproc.rawmail import Field, RawMail, encoded_words, on_one_line
from mailproc.reading import decode_words, read_addresses, read_message

_HEADERS = ("To", "Resent-To", "Cc", "Resent-Cc", "Bcc", "Resent-Bcc")
_LONGEST_WORD = 900  # octets; a line has 998 (RFC 5322 section 2.1.1)


class Outgoing(NamedTuple):
    """A mail that is to go on: its bytes, with CRLF line ends, to whom, and with which reverse path."""

    raw: bytes
    recipients: tuple[str, ...]
    reverse_path: str


class Message:
    """A mail whose header can be edited; its body, and every field that is not edited, stay as they came.

    ``outgoing`` is what was delivered of it and of its copies.
    """

    def __init__(self, raw: bytes) -> None:
        self.mail = RawMail.read(raw)
        self.outgoing: list[Outgoing] = []

    @property
    def message(self) -> ParsedMessage:
        """The mail as the standard library reads it, for looking only: what is changed in there does not go on."""
        return message_from_bytes(self.as_bytes())

    @property
    def subject(self) -> str:
        """The subject, decoded, on one line; "" without one, and never an error.

        It can be set; then DKIM signatures that cover the old one go, for they are wrong now.
        """
        return read_message(b"".join(field.raw for field in self.mail.all("Subject"))).subject

    @subject.setter
    def subject(self, value: object) -> None:
        if str(value) != self.subject:
            self.mail = with_subject(self.mail, line(value))

    def get_header(self, key: str, default: str | None = None) -> str | None:
        """The value of the first field of this name, as it stands there."""
        field = self.mail.first(key)
        return field.value if field else default

    def get_all_headers(self, key: str) -> list[str]:
        """The values of all fields of this name."""
        return [field.value for field in self.mail.all(key)]

    def get_unique_header(self, key: str) -> str:
        """The value of the first field of this name; raises KeyError without one."""
        field = self.mail.first(key)
        if field is None:
            raise KeyError(key)
        return field.value

    def header_items(self) -> Iterator[tuple[str, str]]:
        """Every field: its name, and its value decoded."""
        return ((field.name, decode_words(field.value)) for field in self.mail.fields if field.name)

    def set_unique_header(self, key: str, value: object) -> None:
        """Write the one field of this name, in the place of the first that is there."""
        self.mail = self.mail.replaced(key, line(value))

    def add_header(self, key: str, value: object) -> None:
        """Add a field, above the others."""
        self.mail = self.mail.on_top(key, line(value))

    def add_received_line(self, value: object) -> None:
        """Add a Received field on top."""
        self.add_header("Received", value)

    def prefix_received_lines(self) -> None:
        """Call the Received fields X-Received, for a relay that counts them and gives up too early."""
        self.mail = replace(self.mail, fields=tuple(map(_prefixed, self.mail.fields)))

    def as_bytes(self) -> bytes:
        """The mail; exactly what was received, where nothing was edited."""
        return self.mail.to_bytes()

    def __str__(self) -> str:
        return self.as_bytes().decode("utf-8", "replace")

    def __deepcopy__(self, memo: object) -> Message:
        return copy(self)  # all that is in it is immutable, and what is delivered of a copy is delivered of the mail


class Envelope:
    """A mail with its reverse path ``mailfrom``, "" also for one that is not known, and its recipients ``rcpttos``.

    There is one recipient: of a mail for several each is a delivery of its own.
    """

    def __init__(
        self,
        message: Message,
        mailfrom: str,
        rcpttos: list[str],
        received: Hop | None = None,
        now: datetime | None = None,
    ) -> None:
        self.message = message
        self.mailfrom = mailfrom
        self.rcpttos = rcpttos
        self.received = received
        self.now = now or datetime.now(UTC)

    def recipients(self) -> list[tuple[str | None, str, str]]:
        """Whom the mail names: the recipient or None for one who is not ours to serve, the address, and the field.

        The order is that of To, Resent-To, Cc, Resent-Cc, Bcc, Resent-Bcc; whom no field names got a blind copy.
        """
        named: dict[str, str] = {}
        for header in _HEADERS:
            for address in read_addresses(self.message.get_all_headers(header)):
                named.setdefault(str(address), header)
        ours = [(rcptto, rcptto, named.pop(rcptto, "Bcc")) for rcptto in self.rcpttos]
        others = [(None, address, header) for address, header in named.items()]
        return sorted([*ours, *others], key=lambda found: _HEADERS.index(found[2]))


def _prefixed(field: Field) -> Field:
    return Field("X-Received", b"X-" + field.raw) if field.name.lower() == "received" else field


def line(value: object) -> str:
    """Any text as the value of a field: on one line, whoever wrote it, and of words that fit into lines."""
    text = on_one_line(str(value))
    return encoded_words(text) if any(len(word) > _LONGEST_WORD for word in text.split(" ")) else text
