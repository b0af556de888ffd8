"""References whose long line a relay has cut inside of a message identifier, which breaks threads and DKIM signatures."""

from __future__ import annotations

import re
from dataclasses import replace

from mailproc import Rejected, Reply
from mailproc.rawmail import Field, RawMail

_NAMES = ("references", "in-reply-to")
_IDENTIFIER = re.compile(rb"<[^<>]*+>")
_BLANKS = re.compile(rb"[ \t\r\n]+")


class BrokenReferences(Rejected):
    """More than one field of a name is broken, so that nobody can tell which one was signed: permanent, ``554 5.6.0``."""

    def __init__(self) -> None:
        text = "The mail has more than one broken References or In-Reply-To field."
        super().__init__(text, reply=Reply(554, "5.6.0", text))


def repaired(mail: RawMail) -> RawMail:
    """The mail with its identifiers whole again, each on a line of its own; the same mail where none was cut.

    A relay that cuts at 998 octets adds a CRLF and a blank (RFC 5322 section 2.1.1). Without what it added, and with each
    fold between two identifiers, the field is again what a relaxed signature covers. Raises `BrokenReferences`.
    """
    broken = [at for at, field in enumerate(mail.fields) if field.name.lower() in _NAMES and _is_broken(field)]
    names = [mail.fields[at].name.lower() for at in broken]
    if len(set(names)) < len(names):
        raise BrokenReferences
    if not broken:
        return mail
    fields = [_whole(field, mail.line_end) if at in broken else field for at, field in enumerate(mail.fields)]
    return replace(mail, fields=tuple(fields))


def _is_broken(field: Field) -> bool:
    return any(_BLANKS.search(identifier) for identifier in _IDENTIFIER.findall(field.raw))


def _whole(field: Field, line_end: bytes) -> Field:
    name, _, value = field.raw.partition(b":")
    joined = _IDENTIFIER.sub(lambda found: _BLANKS.sub(b"", found[0]), value)
    words = [word for word in _BLANKS.split(joined) if word]
    return Field(field.name, name + b": " + (line_end + b" ").join(words) + line_end)
