"""A mail as its reader sees it: decoded on demand, bounded, and total on any bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from mailproc.reading.attachments import Attachment, safe_name
from mailproc.reading.body import Body, choose_body
from mailproc.reading.charsets import decode_text, is_known
from mailproc.reading.comments import without_comments
from mailproc.reading.dates import read_date
from mailproc.reading.encodings import decode_transfer
from mailproc.reading.flowed import unflow
from mailproc.reading.header import Header, read_header
from mailproc.reading.html import MAX_TEXT
from mailproc.reading.structure import Part, Structure, read_structure
from mailproc.reading.words import decode_words

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,996}>")  # printable ASCII without angle brackets
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")

# They serve the mail and not its reader: resource forks, signatures, business cards, Outlook's envelope.
_NO_ATTACHMENT = frozenset(
    {
        "application/applefile",
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/ms-tnef",
        "text/x-vcard",
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class Message:
    """A mail, decoded when it is asked for.

    ``header``, ``subject``, ``date`` and ``message_id`` come from the header of the whole mail, which OpenPGP does not
    sign; ``text``, ``html`` and ``attachments`` come from the bytes that it was told to read, the signed ones where the
    mail is signed.
    """

    header: Header
    _entity: bytes
    _entity_header: Header | None = None
    _is_text: bool = False
    _charset: str | None = None

    @cached_property
    def subject(self) -> str:
        """The subject, decoded, on one line; an empty string when there is none."""
        words = decode_words(self.header.first("Subject") or "")
        return _CONTROL.sub("", " ".join(re.split(r"[\r\n\t\v\f\x85\u2028\u2029]", words))).strip()

    @cached_property
    def date(self) -> datetime | None:
        """When the sender says that it was written, aware; None when that is missing or absurd."""
        return read_date(self.header.first("Date"))

    @cached_property
    def message_id(self) -> str | None:
        """The Message-ID with its angle brackets, when there is exactly one that is well formed (RFC 5322 section 3.6.4)."""
        values = self.header.all("Message-ID")
        value = without_comments(values[0]).strip() if len(values) == 1 else ""
        return value if _MESSAGE_ID.fullmatch(value) else None

    @cached_property
    def text(self) -> str:
        """What the mail says: its text/plain parts that are no attachments, joined; at most 1 MiB, lines end with LF.

        Where they are blank, or only say that there is HTML, it is the HTML as Markdown. Lines that the sender's program
        has wrapped are whole where it says so (``format=flowed``, RFC 3676).
        """
        return self._body.text

    @property
    def text_from_html(self) -> bool:
        """Whether ``text``, or its beginning, was made from HTML."""
        return self._body.from_html

    @cached_property
    def plain(self) -> str | None:
        """Its text/plain parts alone, joined and at most 1 MiB, None when there are none; ``text`` is what a reader wants."""
        return "\n".join(plain.text for plain in self._plain) if self._plain else None

    @cached_property
    def html(self) -> str | None:
        """The HTML as the sender wrote it, hostile until cleaned; at most 1 MiB, None when there is none."""
        return "\n".join(markup.text for markup in self._markup) if self._markup else None

    @cached_property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files, decoded, and everything else that is neither plain text nor HTML."""
        return tuple(attachment for attachment, _ in self._files)

    @cached_property
    def defects(self) -> tuple[str, ...]:
        """Stable names of everything that is wrong with the mail; decodes all of it to find out."""
        found = dict.fromkeys((*self.header.defects, *self._structure.defects))
        for text in (*self._plain, *self._markup):
            found |= dict.fromkeys(text.defects)
        for _, defects in self._files:
            found |= dict.fromkeys(defects)
        return tuple(found | dict.fromkeys(self._body.defects))

    @property
    def unparseable(self) -> str | None:
        """Why it cannot be read, for a person; None for a mail that can."""
        return self._structure.unparseable

    @property
    def part_types(self) -> tuple[str, ...]:
        """The media types of its leaves, in their order."""
        return tuple(part.type or part.default for part in self._structure.parts)

    @cached_property
    def _structure(self) -> Structure:
        if self._is_text:
            whole = Part(Header(), 0, len(self._entity), "text/plain", {"charset": self._charset or ""})
            return Structure((whole,))
        return read_structure(self._entity, self._entity_header)

    @cached_property
    def _body(self) -> Body:
        plain, markup = ([(text.start, text.text) for text in texts] for texts in (self._plain, self._markup))
        return choose_body(plain, markup)

    @cached_property
    def _plain(self) -> list[_Text]:
        return self._texts([part for part in self._structure.parts if _is_plain(part)])

    @cached_property
    def _markup(self) -> list[_Text]:
        return self._texts([part for part in self._structure.parts if part.type == "text/html" and not part.attached])

    def _texts(self, parts: list[Part]) -> list[_Text]:
        room, texts = MAX_TEXT, []
        for part in parts:
            text = _text_of(self._entity, part, room)
            room -= len(text.text.encode())
            texts.append(text)
            if room <= 0:
                break
        return texts

    @cached_property
    def _files(self) -> list[tuple[Attachment, tuple[str, ...]]]:
        return [_attachment(self._entity, part) for part in self._structure.parts if _is_file(part)]


def read_message(raw: bytes, content: bytes | None = None, *, is_text: bool = False, charset: str | None = None) -> Message:
    """The mail of these bytes; never raises.

    ``content`` is what a signature vouches for; text, HTML and attachments then come from it alone. It is a MIME entity,
    header included (RFC 3156 section 5), unless ``is_text`` says that it is a plain text in ``charset`` (RFC 9580
    section 7).
    """
    header = read_header(raw)
    if content is None:
        return Message(header, raw, header)
    return Message(header, content, None, is_text, charset)


def _is_plain(part: Part) -> bool:
    """Text to be read: text/plain, what has no valid type, and a multipart that has no parts."""
    named = part.type or part.default
    return not part.attached and (named == "text/plain" or named.startswith("multipart/"))


def _is_file(part: Part) -> bool:
    if part.type in _NO_ATTACHMENT or (part.type == "text/html" and not part.name):
        return False
    return not _is_plain(part)


class _Text(NamedTuple):
    """The text of a part, which begins at ``start``, and what is wrong with it."""

    start: int
    text: str
    defects: tuple[str, ...]


def _text_of(entity: bytes, part: Part, room: int) -> _Text:
    """The text of a part, at most ``room`` octets of UTF-8 long."""
    encoded = entity[part.start : min(part.end, part.start + 4 * MAX_TEXT)]
    whole = len(encoded) == part.end - part.start
    octets, defects = decode_transfer(encoded, part.encoding, whole=whole)
    charset = part.parameters.get("charset")
    text = decode_text(octets[: 4 * room], charset).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    kept = text.encode()[:room].decode("utf-8", "ignore")
    if len(kept) < len(text) or len(octets) > 4 * room or not whole:
        defects += ("text-cut",)
    if not is_known(charset):
        defects += ("unknown-charset",)
    return _Text(part.start, _unflowed(kept, part), defects)


def _unflowed(text: str, part: Part) -> str:
    if part.type != "text/plain" or part.parameters.get("format", "").lower() != "flowed":
        return text
    return unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")


def _attachment(entity: bytes, part: Part) -> tuple[Attachment, tuple[str, ...]]:
    content, defects = decode_transfer(entity[part.start : part.end], part.encoding)
    # RFC 2045 section 5.2 would have a malformed type be text; a file that lies about itself is only bytes.
    malformed = part.type is None and bool(part.header.all("Content-Type"))
    media_type = "application/octet-stream" if malformed else part.type or part.default
    return Attachment(part.name, safe_name(part.name), media_type, len(content), content), defects
