"""A raw mail that is edited as text: fields are added, replaced and left out, and every other byte stays as it came.

A parser that writes a mail anew changes what was signed: blanks behind a colon, folds, line ends. Here the header is cut at
its fields, each with its exact bytes, and put together again::

    mail = RawMail.read(delivery.raw)
    mail = mail.replaced("Subject", "[notes] " + delivery.message.subject).on_top("X-Seen-By", "notes")
    delivery.forward(mail.to_wire(), recipients, reverse_path="")

No value can begin a field of its own, whoever wrote it: it is one line, or a ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby, islice, takewhile

MAX_FIELDS = 1000  # as `mailproc.reading` reads; what stands behind them stays, as one piece

_WIDTH = 78  # RFC 5322 section 2.1.1
_LONGEST_LINE = 998  # the same; a relay may cut or refuse a longer one
_WORD_OCTETS = 60  # of 75 (RFC 2047 section 2), so that a line of 76 holds the name of the field as well

_BLANK_LINE = re.compile(rb"\n\r?\n")
_NEXT_FIELD = re.compile(rb"\n(?![ \t])")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")  # ftext, and the blanks of RFC 5322 section 4.5
_NAME = re.compile(r"[!-9;-~]{1,76}")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_IN_Q = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 section 5 (3)

# What those through whose hands a mail went have put on top (RFC 5321 section 4.4, RFC 8601 section 4, RFC 8617 section 4).
TRACE = frozenset(
    {"received", "x-received", "return-path", "delivered-to", "x-original-to", "envelope-to", "dkim-signature"}
) | {
    *("authentication-results", "received-spf", "arc-seal", "arc-message-signature", "arc-authentication-results"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a header: its name as written, and all its bytes, from the name to the end of its last line.

    The name is "" for a line that is no field, which stays where it is.
    """

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """The unfolded text (RFC 5322 section 2.2.3); UTF-8 where it is valid, else Latin-1; no CR, LF or NUL."""
        value = self.raw.partition(b":")[2] if self.name else self.raw
        joined = value.replace(b"\r\n", b"").replace(b"\n", b"")
        try:
            text = joined.decode("utf-8")
        except UnicodeDecodeError:
            text = joined.decode("latin-1")
        return text.replace("\r", " ").replace("\0", "\ufffd").strip(" \t")


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as bytes: the ``fields`` of its header, the topmost first, and the ``rest``, the blank line included.

    Every method that changes something answers a new mail. New fields end as the lines of the mail do, ``line_end``.
    """

    fields: tuple[Field, ...]
    rest: bytes | memoryview
    line_end: bytes = b"\r\n"

    @classmethod
    def read(cls, raw: bytes) -> RawMail:
        """The mail of any bytes; never raises. The line "From " of an mbox above it (RFC 4155) is left out.

        It takes no copy of the body. Of more than 1,000 fields the others are one piece without a name.
        """
        top = _behind_mbox_line(raw)
        fields, start = _split(raw, top, _end_of_header(raw, top))
        first = raw.find(b"\n", top)
        line_end = b"\n" if first >= 0 and raw[first - 1 : first] != b"\r" else b"\r\n"
        return cls(fields, memoryview(raw)[start:], line_end)

    @property
    def body(self) -> bytes:
        """What stands behind the blank line, or where the fields end when there is none."""
        blank = self._separator(self.rest)
        return bytes(self.rest[len(blank) :])

    def all(self, name: str) -> tuple[Field, ...]:
        """The fields of this name, the topmost first; case does not matter."""
        return tuple(field for field in self.fields if field.name.lower() == name.lower())

    def first(self, name: str) -> Field | None:
        """The topmost field of this name, or None."""
        return next(iter(self.all(name)), None)

    def without(self, *names: str) -> RawMail:
        """The mail without the fields of these names; the same mail where there are none."""
        left_out = {name.lower() for name in names} - {""}
        kept = [field for field in self.fields if field.name.lower() not in left_out]
        return self if len(kept) == len(self.fields) else self._with(kept)

    def replaced(self, name: str, value: str) -> RawMail:
        """The mail with one field of this name: in the place of the first one, or below the trace fields where there is none.

        ``value`` is one line of text: what is ASCII is written as it is, words with other characters become encoded words
        (RFC 2047), and the line is folded at blanks. Raises ValueError for a control character in it, for what cannot be
        folded to lines of 998 octets, and for a name that is none.
        """
        field = write_field(name, value, self.line_end)
        places = [at for at, each in enumerate(self.fields) if each.name.lower() == name.lower()]
        if not places:
            return self._inserted(len(list(takewhile(_is_trace, self.fields))), field)
        kept = [field if at == places[0] else each for at, each in enumerate(self.fields) if at not in places[1:]]
        return self._with(kept)

    def on_top(self, name: str, value: str) -> RawMail:
        """The mail with one more field above all others; ``value`` and errors are those of `replaced`."""
        return self._inserted(0, write_field(name, value, self.line_end))

    def with_body(self, body: bytes) -> RawMail:
        """The mail with another body behind its header; the fields that say how to read it are the caller's to change."""
        return replace(self._with(self.fields), rest=self.line_end + body)

    def to_bytes(self) -> bytes:
        """The bytes of the mail: exactly those that were read where nothing was changed."""
        return b"".join([*(field.raw for field in self.fields), self.rest])

    def to_wire(self) -> bytes:
        """The bytes with CRLF for each lone LF, as SMTP wants them (RFC 5321 section 2.3.8); nothing else is changed."""
        raw = self.to_bytes()
        if raw.count(b"\n") == raw.count(b"\r\n"):
            return raw
        return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def _inserted(self, at: int, field: Field) -> RawMail:
        if self.fields and self.fields[0].raw[:1] in (b" ", b"\t"):
            at = max(at, 1)  # such a line would go on whatever field we put above it
        return self._with([*self.fields[:at], field, *self.fields[at:]])

    def _with(self, fields: Iterable[Field]) -> RawMail:
        """These fields, each on lines of its own, and behind them a blank line: nothing of the body may pass for a field."""
        ended = [each if each.raw.endswith(b"\n") else replace(each, raw=each.raw + self.line_end) for each in fields]
        separated = self._separator(self.rest) or not len(self.rest)
        return replace(self, fields=tuple(ended), rest=self.rest if separated else self.line_end + bytes(self.rest))

    @staticmethod
    def _separator(rest: bytes | memoryview) -> bytes:
        start = bytes(rest[:2])
        return start if start == b"\r\n" else start[:1] if start[:1] == b"\n" else b""


def write_field(name: str, value: str, line_end: bytes = b"\r\n") -> Field:
    """A field with this value, written and refused as `RawMail.replaced` has it."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a field")
    if _UNWRITABLE.search(value):
        raise ValueError(f"{name}: the value holds a control character; a field is one line of text")
    runs = groupby(value.strip(" ").split(" "), key=str.isascii)
    words = " ".join(" ".join(run) if plain else encoded_words(" ".join(run)) for plain, run in runs)
    rows = _folded(f"{name}:", words)
    if any(len(row) > _LONGEST_LINE for row in rows):
        raise ValueError(f"{name}: a word of the value is too long for a line of {_LONGEST_LINE} octets")
    end = line_end.decode("ascii")
    return Field(name, f"{end.join(rows)}{end}".encode("ascii"))


def on_one_line(text: str) -> str:
    """Any text as the value of a field: what `write_field` would refuse in it is a blank."""
    return _UNWRITABLE.sub(" ", text).strip(" ")


def phrase(words: str) -> str:
    """Words as the display name of an address or a list (RFC 5322 section 3.2.5): atoms, a quoted string, or encoded words."""
    if not words.isascii() or "=?" in words:
        return encoded_words(words)
    if _ATOMS.fullmatch(words):
        return words
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded_words(text: str) -> str:
    """The text as encoded words of UTF-8 (RFC 2047), at most 60 octets each, no character cut in two."""
    words, word = [], ""
    for character in text:
        piece = _in_q(character)
        if len(word) + len(piece) > _WORD_OCTETS - len("=?utf-8?q??="):
            words.append(word)
            word = ""
        word += piece
    return " ".join(f"=?utf-8?q?{each}?=" for each in [*words, word])


def _in_q(character: str) -> str:
    if character in _PLAIN_IN_Q:
        return character
    return "_" if character == " " else "".join(f"={octet:02X}" for octet in character.encode("utf-8", "replace"))


def _folded(name: str, value: str) -> list[str]:
    """Broken before words alone, so that no line is blank, and never right behind the name, which old readers stumble on."""
    rows = [name]
    for word in re.findall(r" *[^ ]+", f" {value}"):
        if len(rows[-1]) + len(word) > _WIDTH and rows[-1] != name:
            rows.append("")
        rows[-1] += word
    return rows


def _is_trace(field: Field) -> bool:
    return field.name.lower() in TRACE


def _behind_mbox_line(raw: bytes) -> int:
    if not raw.startswith(b"From ") or _FIELD.match(raw):
        return 0
    line_end = raw.find(b"\n")
    return len(raw) if line_end < 0 else line_end + 1


def _end_of_header(raw: bytes, top: int) -> int:
    """Where the blank line begins that ends the header, or the mail ends."""
    if raw.startswith((b"\n", b"\r\n"), top):
        return top
    found = _BLANK_LINE.search(raw, top)
    return found.start() + 1 if found else len(raw)


def _split(raw: bytes, top: int, end: int) -> tuple[tuple[Field, ...], int]:
    """The fields between two offsets, and where the last of them ends: lines behind it that are none belong to the body."""
    starts = [top, *(found.end() for found in islice(_NEXT_FIELD.finditer(raw, top, end), MAX_FIELDS))]
    starts = [start for start in starts if start < end]
    fields = [_field(raw[start:stop]) for start, stop in zip(starts, [*starts[1:], end], strict=False)]
    if len(fields) > MAX_FIELDS:
        return (*fields[:-1], Field("", fields[-1].raw)), end
    named = [at for at, field in enumerate(fields) if field.name]
    count = named[-1] + 1 if named else 0
    return tuple(fields[:count]), starts[count] if count < len(starts) else end


def _field(raw: bytes) -> Field:
    named = _FIELD.match(raw)
    return Field(named[1].decode("ascii") if named else "", raw)
