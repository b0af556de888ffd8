"""OpenPGP packets (RFC 9580 sections 4 and 5): whose a signature claims to be, which keys a certificate holds.

Nothing here verifies anything, and nothing here raises for any bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime

SIGNATURE = 2
SECRET_KEYS = (5, 7)
PRIMARY_KEY = 6
MARKER = 10
USER_ID = 13
SUBKEY = 14
USER_ATTRIBUTE = 17
# What a certificate is made of. Trust packets above all are left out: GnuPG would take their word that signatures were checked.
OF_A_CERTIFICATE = (PRIMARY_KEY, SUBKEY, USER_ID, USER_ATTRIBUTE, SIGNATURE)

_ISSUER = 16
_ISSUER_FINGERPRINT = 33
_NO_KEY_ID = "0" * 16
_MOST_ISSUERS = 4  # each of them costs a look-up; an honest signature names one key, twice


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its type, its body, and all of it as it stood."""

    kind: int
    body: bytes
    raw: bytes


def read_packets(data: bytes) -> list[Packet] | None:
    """The packets of ``data``, or None where it is not a plain sequence of packets of known length."""
    packets = []
    at = 0
    while at < len(data):
        packet = _read_packet(data, at)
        if packet is None:
            return None
        packets.append(packet)
        at += len(packet.raw)
    return packets


def _read_packet(data: bytes, at: int) -> Packet | None:
    tag = data[at]
    if not tag & 0x80:
        return None
    new = tag & 0x40
    kind = tag & 0x3F if new else tag >> 2 & 0x0F
    span = _new_length(data, at + 1) if new else _old_length(data, at + 1, tag & 3)
    if span is None or sum(span) > len(data):
        return None
    start, length = span
    return Packet(kind, data[start : start + length], data[at : start + length])


def _new_length(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body starts and how long it is (section 4.2.1); None for partial lengths, which only bulk data may have."""
    first = data[at] if at < len(data) else 224
    if first < 192:
        return at + 1, first
    if first < 224:
        return at + 2, (first - 192 << 8) + data[at + 1] + 192 if at + 1 < len(data) else 0
    if first == 255:
        return at + 5, int.from_bytes(data[at + 1 : at + 5], "big")
    return None


def _old_length(data: bytes, at: int, width: int) -> tuple[int, int] | None:
    """The same for the legacy form (section 4.2.2); None for an indeterminate length."""
    if width == 3:
        return None
    octets = 1 << width
    return at + octets, int.from_bytes(data[at : at + octets], "big")


def by_primary_key(found: Iterable[Packet]) -> list[list[Packet]] | None:
    """The packets of each certificate (section 10.1); None where they do not start with a primary key."""
    groups: list[list[Packet]] = []
    for packet in found:
        if packet.kind == PRIMARY_KEY:
            groups.append([])
        if not groups:
            return None
        groups[-1].append(packet)
    return groups


def issuers(signatures: list[Packet]) -> tuple[str, ...]:
    """The keys that these signature packets name, upper-case hex, without repetition."""
    named = (issuer for signature in signatures for issuer in _issuers(signature.body))
    return tuple(dict.fromkeys(issuer for issuer in named if issuer != _NO_KEY_ID))[:_MOST_ISSUERS]


def is_by(names: Set[str], packet: Packet) -> bool:
    """Whether a packet is a signature that names a key, and none but the one with these ``names``."""
    named = set(_issuers(packet.body)) if packet.kind == SIGNATURE else set()
    return bool(named) and named <= names


def _issuers(body: bytes) -> Iterator[str]:
    version = body[0] if body else 0
    if version in (2, 3) and len(body) >= 15:
        yield _hex(body[7:15])
    elif version in (4, 5, 6):
        for kind, value in _subpackets(body, 4 if version == 6 else 2):
            if kind == _ISSUER and len(value) == 8:
                yield _hex(value)
            elif kind == _ISSUER_FINGERPRINT and len(value) in (21, 33):
                yield _hex(value[1:])


def _subpackets(body: bytes, width: int) -> Iterator[tuple[int, bytes]]:
    """The subpackets of both areas, hashed and not (section 5.2.3); ``width`` is that of an area's length."""
    at = 4
    for _ in ("hashed", "unhashed"):
        length = int.from_bytes(body[at : at + width], "big")
        area = body[at + width : at + width + length]
        at += width + length
        yield from _area(area)


def _area(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(area):
        span = subpacket_length(area, at)
        start, length = span
        if length == 0 or start + length > len(area):
            return
        yield area[start] & 0x7F, area[start + 1 : start + length]
        at = start + length


def subpacket_length(area: bytes, at: int) -> tuple[int, int]:
    """Where the subpacket's type stands and how long it is from there on (section 5.2.3.7)."""
    first = area[at]
    if first < 192:
        return at + 1, first
    if first < 255:
        return at + 2, (first - 192 << 8) + area[at + 1] + 192 if at + 1 < len(area) else 0
    return at + 5, int.from_bytes(area[at + 1 : at + 5], "big")


def fingerprint(key: Packet) -> str | None:
    """The fingerprint of a public key packet, upper-case hex (section 5.5.4); None for versions that nobody should use."""
    body = key.body
    version = body[0] if body else 0
    if version == 4:
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
    if version in (5, 6):
        return hashlib.sha256(bytes([0x95 + version]) + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    return None


def key_id(fingerprint: str) -> str:
    """The 16-digit key id within a fingerprint (section 5.5.4): its end in version 4, its start later."""
    return fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16]


def created_at(key: Packet) -> datetime:
    """When a public key packet says that it was made."""
    return datetime.fromtimestamp(int.from_bytes(key.body[1:5], "big"), UTC)


def _hex(octets: bytes) -> str:
    return octets.hex().upper()
