"""Delivery status notifications (RFC 3464): what they say about whom, read from hostile bytes without ever raising.

Mail systems leave out what they must write, so that little is demanded: the type of the mail or of the part, and one recipient
with an action or a status. What a person quotes, forwards or pastes is no report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailproc import Address
from mailproc.forward.codes import status_in
from mailproc.reading import Header, Message, one_line, read_addresses, read_header, top_type, without_comments
from mailproc.reading.encodings import decode_transfer
from mailproc.reading.structure import Part, Structure, read_structure

MAX_RECIPIENTS = 1000
MAX_STATUS = 1024 * 1024  # octets of a message/delivery-status
MAX_RETURNED = 256 * 1024  # octets of the returned mail that are looked at, for its header
MAX_DIAGNOSTIC = 1000  # characters

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_RETURNED_TYPES = {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"}

_BLANK_LINES = re.compile(rb"\n(?:[ \t]*+\r?\n)+")
_TYPED = re.compile(r"[ \t]*+([A-Za-z0-9-]{1,40})[ \t]*+;[ \t]*+")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_OF_CLASS = {"5": "failed", "4": "delayed", "2": "delivered"}

# The fields of a returned mail by which we know it for ours.
_TRACES = ("List-Id", "Received", "Message-ID", "X-Loop", "Return-Path", "Sender")


@dataclass(frozen=True, slots=True)
class Failed:
    """A recipient whom a mail did not reach, or not yet.

    ``recipient`` is the address that we sent it to, where the report knows it, else the last one that it had. ``action`` is
    ``failed`` or ``delayed``. ``status`` is the enhanced status code (RFC 3463), "" where there is none; ``diagnostic`` are the
    words of the server ``remote_mta``, on one line.
    """

    recipient: Address
    action: str
    status: str = ""
    diagnostic: str = ""
    remote_mta: str = ""


def is_report(header: Header) -> bool:
    """Whether a mail with this header is a report from its top: multipart/report, or a message/delivery-status alone."""
    kind, parameters = top_type(header)
    told = parameters.get("report-type", "delivery-status").lower() in ("delivery-status", "global-delivery-status")
    return kind in _STATUS_TYPES or (kind == "multipart/report" and told)


def read_report(message: Message, raw: bytes) -> tuple[Failed, ...] | None:
    """Whom a mail did not reach, by the report that the mail ``message`` is, whose bytes are ``raw``; None when it is none.

    There is nobody in it when the report tells only of those whom the mail has reached.
    """
    if not is_report(message.header):
        return None
    structure = read_structure(raw, message.header)
    status = next((part for part in structure.parts if part.type in _STATUS_TYPES), None)
    if status is None:
        return None
    blocks = [read_header(block) for block in _blocks(_octets(raw, status, MAX_STATUS))]
    if not any(map(_action, blocks)):
        return None
    return tuple(found for found in map(_failed, blocks[:MAX_RECIPIENTS]) if found)


def is_ours(raw: bytes, marks: Iterable[str]) -> bool:
    """Whether the mail that a report returns bears one of ``marks``: our List-Id, a Message-ID of ours, our name in a Received.

    Only the trace fields of the returned mail count, so that nobody's words do. Who has had a mail of ours knows them too: it
    tells our mail from another's, and proves nothing. What proves it is a reverse path that we have signed.
    """
    wanted = [mark.lower() for mark in marks if mark]
    returned = _returned(raw, read_structure(raw)) if wanted else None
    if returned is None:
        return False
    fields = [value.lower() for name in _TRACES for value in returned.all(name)]
    return any(mark in value for value in fields for mark in wanted)


def _octets(raw: bytes, part: Part, most: int) -> bytes:
    """The beginning of a part, decoded: Exchange encodes even these."""
    encoded = raw[part.start : min(part.end, part.start + most)]
    return decode_transfer(encoded, part.encoding, whole=len(encoded) == part.end - part.start)[0]


def _blocks(octets: bytes) -> Iterator[bytes]:
    """The groups of fields, without empty ones (RFC 3464 section 2.1)."""
    at = 0
    for _ in range(MAX_RECIPIENTS + 1):
        found = _BLANK_LINES.search(octets, at)
        block = octets[at : found.end() if found else len(octets)]
        if block.strip():
            yield block
        if found is None:
            return
        at = found.end()


def _action(block: Header) -> str:
    """What happened, by Action or by the class of Status; "" for a block that is not about a recipient."""
    if not (block.all("Final-Recipient") or block.all("Original-Recipient")):
        return ""
    said = without_comments(block.first("Action") or "").strip().lower()
    return said if said in _ACTIONS else _OF_CLASS.get(_status(block)[:1], "")


def _failed(block: Header) -> Failed | None:
    action, recipient = _action(block), _recipient(block)
    if action not in ("failed", "delayed") or recipient is None:
        return None
    return Failed(
        recipient,
        action,
        _status(block),
        one_line(_untyped(block.first("Diagnostic-Code") or ""), MAX_DIAGNOSTIC),
        _host(block, "Remote-MTA"),
    )


def _status(block: Header) -> str:
    return status_in(without_comments((block.first("Status") or "")[:200]))


def _recipient(block: Header) -> Address | None:
    """Whom the sender had named (ORCPT), or who was the last; of any type, because some systems name none."""
    for name in ("Original-Recipient", "Final-Recipient"):
        found = read_addresses([_untyped((block.first(name) or "")[:1000])], 1)
        if found:
            return found[0]
    return None


def _host(block: Header, name: str) -> str:
    words = without_comments(_untyped((block.first(name) or "")[:1000])).split()
    return one_line(words[0], 253).lower().removesuffix(".") if words else ""


def _untyped(value: str) -> str:
    """The value behind its type, such as ``dns;`` or ``smtp;``."""
    typed = _TYPED.match(value)
    return value[typed.end() :] if typed else value


def _returned(raw: bytes, structure: Structure) -> Header | None:
    """The header of the mail that is returned, whole or only its fields."""
    part = next((part for part in structure.parts if part.type in _RETURNED_TYPES), None)
    return None if part is None else read_header(_octets(raw, part, MAX_RETURNED))
