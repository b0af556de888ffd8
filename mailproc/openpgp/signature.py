"""One signature packet of version 4 (RFC 9580 section 5.2.3), read to its last bit; nothing here verifies anything.

Verifiers differ in what they do with a packet that is almost one: a subpacket twice, an area that ends within a subpacket, an
integer with leading zeros. What is not written as the standard has it is not read at all, so that all see the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailproc.openpgp import packets
from mailproc.openpgp.packets import Packet

BINARY, TEXT = 0x00, 0x01
CERTIFICATIONS = (0x10, 0x11, 0x12, 0x13)
SUBKEY_BINDING, BACK_SIGNATURE, DIRECT_KEY = 0x18, 0x19, 0x1F
KEY_REVOCATION, SUBKEY_REVOCATION, CERTIFICATION_REVOCATION = 0x20, 0x28, 0x30

RSA, RSA_SIGN, DSA, ECDSA, EDDSA = 1, 3, 17, 19, 22
_INTEGERS = {RSA: 1, RSA_SIGN: 1, DSA: 2, ECDSA: 2, EDDSA: 2}

DIGESTS = {1: "md5", 2: "sha1", 3: "ripemd160", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}  # section 9.5
WEAK_DIGESTS = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160"}

_CREATED, _EXPIRES, KEY_EXPIRES, _KEY_FLAGS, _EMBEDDED = 2, 3, 9, 27, 32
_ISSUER, _ISSUER_FINGERPRINT = 16, 33
_ONCE = (_CREATED, _EXPIRES, KEY_EXPIRES, _KEY_FLAGS)
_EXPORTABLE, _TRUST, _REGULAR_EXPRESSION, _REVOCABLE, _REVOKER, _NOTATION, _PRIMARY = 4, 5, 6, 7, 12, 20, 25
_REASON, _TARGET, _INTENDED, _ATTESTED, _KEY_BLOCK, _CIPHERSUITES = 29, 31, 35, 37, 38, 39
_UNKNOWN_TO_GNUPG = (23, 28, _CIPHERSUITES)  # the preferences of a key server, and a signer's user id, among the critical ones
_LEAST_KEY = 50  # octets of a key within a signature; GnuPG gives up on a smaller one
_LARGEST_AREA = 10_000  # octets; GnuPG reads no more

# The form of a value by the kind of its subpacket: Sequoia drops a whole signature for one of another form, GnuPG does not.
_FORMS: dict[int, Callable[[bytes], bool]] = {
    **dict.fromkeys((_CREATED, _EXPIRES, KEY_EXPIRES), lambda value: len(value) == 4),
    **dict.fromkeys((_EXPORTABLE, _REVOCABLE, _PRIMARY), lambda value: len(value) == 1),
    _TRUST: lambda value: len(value) == 2,
    _REGULAR_EXPRESSION: lambda value: value.endswith(b"\0"),
    _REVOKER: lambda value: len(value) == 22 and value[0] & 0x80 != 0,
    _ISSUER: lambda value: len(value) == 8,
    _NOTATION: lambda value: (
        value[4:6] > b"\0\0" and len(value) == 8 + int.from_bytes(value[4:6], "big") + int.from_bytes(value[6:8], "big")
    ),
    _REASON: lambda value: len(value) >= 1,
    _TARGET: lambda value: len(value) >= 2,
    _ISSUER_FINGERPRINT: lambda value: len(value) == 21 and value[0] == 4,
    _INTENDED: lambda value: (value[:1], len(value)) in ((b"\4", 21), (b"\6", 33)),
    _ATTESTED: lambda value: False,  # they belong to signatures of a kind of their own
    _KEY_BLOCK: lambda value: len(value) >= _LEAST_KEY and value[0] == 0,
    _CIPHERSUITES: lambda value: len(value) % 2 == 0,
}


@dataclass(frozen=True, slots=True)
class Subpacket:
    """A subpacket (section 5.2.3.7): its type, whether who does not know it must refuse the signature, and its value."""

    kind: int
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature packet states.

    ``kind`` is the signature type, ``key_algorithm`` and ``digest_algorithm`` are the numbers of section 9; ``embedded`` are
    the signatures within it, such as a subkey's back signature (section 5.2.3.34); ``covered`` is the part of the packet that
    the signature covers, and ``prefix`` the first two octets of the digest. Times are seconds since 1970, and ``expires_at``
    is None for never.
    """

    kind: int
    key_algorithm: int
    digest_algorithm: int
    hashed: tuple[Subpacket, ...]
    unhashed: tuple[Subpacket, ...]
    embedded: tuple[Signature, ...]
    covered: bytes
    prefix: bytes

    @property
    def created_at(self) -> int:
        """When the signature says that it was made."""
        return self.seconds(_CREATED) or 0

    @property
    def expires_at(self) -> int | None:
        """When it says that it ends."""
        seconds = self.seconds(_EXPIRES)
        return self.created_at + seconds if seconds else None

    def seconds(self, kind: int) -> int | None:
        """The number in a subpacket that is signed, such as `KEY_EXPIRES`."""
        return next((int.from_bytes(each.value, "big") for each in self.hashed if each.kind == kind), None)

    @property
    def key_flags(self) -> bytes | None:
        """What its owner says that the key is for (section 5.2.3.29)."""
        return next((each.value for each in self.hashed if each.kind == _KEY_FLAGS), None)

    @property
    def issuers(self) -> frozenset[str]:
        """All fingerprints and key ids that it names, signed or not, upper-case hex."""
        return self.known_by | _named(self.unhashed, _ISSUER_FINGERPRINT)

    @property
    def known_by(self) -> frozenset[str]:
        """Those by which every verifier looks for the key: GnuPG takes a fingerprint only where it is signed."""
        ids = _named((*self.hashed, *self.unhashed), _ISSUER)
        return ids | _named(self.hashed, _ISSUER_FINGERPRINT)

    def may_cover(self, *data: bytes) -> bool:
        """Whether the first two octets of the digest over ``data`` are those that the packet names (section 5.2.4).

        A digest that is not computed here is given the benefit of the doubt.
        """
        try:
            digest = hashlib.new(DIGESTS[self.digest_algorithm], usedforsecurity=False)
        except (KeyError, ValueError):
            return True
        for each in (*data, self.covered, b"\x04\xff", len(self.covered).to_bytes(4, "big")):
            digest.update(each)
        return digest.digest()[:2] == self.prefix


def _named(area: Sequence[Subpacket], kind: int) -> frozenset[str]:
    start = 1 if kind == _ISSUER_FINGERPRINT else 0  # behind the version
    return frozenset(each.value[start:].hex().upper() for each in area if each.kind == kind)


def read_signature(body: bytes, *, embedded: bool = False) -> Signature | None:
    """The signature in the body of a packet; None where it is not one of version 4, written as section 5.2.3 has it.

    ``embedded``: whether it stands in another one, and may hold none itself.
    """
    if len(body) < 6 or body[0] != 4:
        return None
    hashed_end = 6 + int.from_bytes(body[4:6], "big")
    unhashed_end = hashed_end + 2 + int.from_bytes(body[hashed_end : hashed_end + 2], "big")
    if max(hashed_end - 6, unhashed_end - hashed_end - 2) > _LARGEST_AREA:
        return None
    hashed, unhashed = _area(body[6:hashed_end]), _area(body[hashed_end + 2 : unhashed_end])
    integers = body[unhashed_end + 2 :]
    if hashed is None or unhashed is None or not _are_integers(integers, _INTEGERS.get(body[2], 0)):
        return None
    if [each.kind for each in hashed].count(_CREATED) != 1 or _is_ambiguous(hashed, unhashed):
        return None
    bodies = [each.value for each in (*hashed, *unhashed) if each.kind == _EMBEDDED]
    within = tuple(read for each in bodies if not embedded and (read := read_signature(each, embedded=True)))
    if len(within) < len(bodies):
        return None
    prefix = body[unhashed_end : unhashed_end + 2]
    return Signature(body[1], body[2], body[3], hashed, unhashed, within, body[:hashed_end], prefix)


def _area(area: bytes) -> tuple[Subpacket, ...] | None:
    found = []
    at = 0
    while at < len(area):
        start, length = packets.subpacket_length(area, at)
        at = start + length
        if length == 0 or at > len(area):
            return None
        subpacket = Subpacket(area[start] & 0x7F, bool(area[start] & 0x80), area[start + 1 : at])
        if not _has_form(subpacket):
            return None
        found.append(subpacket)
    return tuple(found)


def _has_form(subpacket: Subpacket) -> bool:
    form = _FORMS.get(subpacket.kind)
    return form is None or form(subpacket.value)


def _is_ambiguous(hashed: Sequence[Subpacket], unhashed: Sequence[Subpacket]) -> bool:
    """Whether something is said twice, or is critical for GnuPG alone: unsigned, or of a kind that GnuPG does not know."""
    kinds = [each.kind for each in hashed]
    unknown = any(each.critical and each.kind in _UNKNOWN_TO_GNUPG for each in hashed)
    return unknown or any(kinds.count(kind) > 1 for kind in _ONCE) or any(each.critical for each in unhashed)


def _are_integers(data: bytes, number: int) -> bool:
    """Whether ``data`` is so many integers (section 3.2), at least one, without leading zeros and with nothing behind them."""
    at = 0
    for _ in range(number):
        bits = int.from_bytes(data[at : at + 2], "big")
        end = at + 2 + (bits + 7) // 8
        if bits == 0 or end > len(data) or int.from_bytes(data[at + 2 : end], "big").bit_length() != bits:
            return False
        at = end
    return number > 0 and at == len(data)


def read_signatures(found: Sequence[Packet]) -> list[Signature]:
    """The signatures among packets, those that can be read."""
    bodies = [packet.body for packet in found if packet.kind == packets.SIGNATURE]
    return [signature for body in bodies if (signature := read_signature(body))]


def stated_time(signature: bytes) -> datetime | None:
    """When a signature, one packet, says that it was made, aware; None where it cannot be read. Nobody vouches for it."""
    found = packets.read_packets(signature) or []
    read = read_signature(found[0].body) if len(found) == 1 else None
    return datetime.fromtimestamp(read.created_at, UTC) if read else None
