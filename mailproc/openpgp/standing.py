"""What an OpenPGP certificate says of its own keys at a moment: whether a key is bound, alive and not revoked.

These are the words of the certificate as they are written; whether its owner has signed them is for a verifier to find out.
An own opinion is needed all the same. GnuPG judges a key as of now; Sequoia as of the time of the signature. Only a key that
stands at both moments is one for both, and both then have the same reason to refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailproc.openpgp import Finding, Verification, packets
from mailproc.openpgp.packets import Packet
from mailproc.openpgp.signature import (
    BACK_SIGNATURE,
    CERTIFICATION_REVOCATION,
    CERTIFICATIONS,
    DIRECT_KEY,
    DSA,
    KEY_EXPIRES,
    KEY_REVOCATION,
    RSA,
    RSA_SIGN,
    SUBKEY_BINDING,
    SUBKEY_REVOCATION,
    WEAK_DIGESTS,
    Signature,
    read_signatures,
)

_OF_USER_IDS = (*CERTIFICATIONS, CERTIFICATION_REVOCATION)
_FOR_SIGNING = 0x02
_SIZED = {RSA: "RSA", RSA_SIGN: "RSA", DSA: "DSA"}
_FEWEST_BITS = 2048  # of RSA and DSA: what NIST SP 800-131A has asked for since 2014, and Sequoia refuses less


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key or a subkey with what its owner says of it in signatures.

    ``said`` are for a primary key those over the key alone, then those over each user id; for a subkey its bindings.
    """

    packet: Packet
    fingerprint: str
    said: tuple[tuple[Signature, ...], ...]
    revoked: bool

    @property
    def names(self) -> frozenset[str]:
        """The names by which a signature may call it."""
        return _names(self.fingerprint)

    @property
    def created_at(self) -> int:
        """When it was made, in seconds since 1970."""
        return int.from_bytes(self.packet.body[1:5], "big")

    @property
    def algorithm(self) -> int:
        """The number of its algorithm (RFC 9580 section 9.1)."""
        return self.packet.body[5] if len(self.packet.body) > 5 else 0

    def bindings(self, moment: int) -> list[Signature]:
        """The newest signature over the key alone and over each user id, as of a moment.

        A user id that was revoked says nothing more, unless all were: a key may outlive the names of its owner.
        """
        newest = [binding for each in self.said if (binding := _newest(each, moment))]
        standing = [each for each in newest if each.kind != CERTIFICATION_REVOCATION]
        every = ([each for each in group if each.kind != CERTIFICATION_REVOCATION] for group in self.said)
        return standing or [binding for each in every if (binding := _newest(each, moment))]


@dataclass(frozen=True, slots=True)
class Standing:
    """A certificate's primary key, all its keys (that one too), and the packets that make it up, without anything else."""

    primary: Key
    keys: tuple[Key, ...]
    data: bytes

    def objection(self, key: Key, moment: int) -> Verification | None:
        """Why a signature by ``key`` does not count at ``moment``, in seconds since 1970; None where nothing is against it."""
        found = (_against(each, moment) for each in dict.fromkeys((self.primary, key)))
        return next((each for each in found if each), None) or _may_not_sign(key, moment)


def read_certificates(data: bytes) -> Iterator[Standing]:
    """The certificates in binary ``data``; what cannot be read is none."""
    kept = (packet for packet in packets.read_packets(data) or () if packet.kind in packets.OF_A_CERTIFICATE)
    for group in packets.by_primary_key(kept) or ():
        certificate = _read(group)
        if certificate:
            yield certificate


def _read(group: Sequence[Packet]) -> Standing | None:
    starts = [at for at, packet in enumerate(group) if packet.kind in (packets.PRIMARY_KEY, packets.SUBKEY)]
    pieces = [group[start:end] for start, end in zip(starts, [*starts[1:], len(group)], strict=True)]
    if any(piece[0].body[:1] != b"\x04" for piece in pieces):
        return None
    primary = _primary(pieces[0])
    return Standing(
        primary, (primary, *(_subkey(primary, piece) for piece in pieces[1:])), b"".join(each.raw for each in group)
    )


def _primary(piece: Sequence[Packet]) -> Key:
    fingerprint = packets.fingerprint(piece[0]) or ""
    over = [_framed(piece[0], b"\x99", 2)]
    groups: list[list[Signature]] = [[]]
    for packet in piece[1:]:
        if packet.kind != packets.SIGNATURE:
            over[1:] = [_framed(packet, b"\xb4" if packet.kind == packets.USER_ID else b"\xd1", 4)]
            groups.append([])
        for signature in _by(_names(fingerprint), [packet]):
            if signature.kind in _OF_USER_IDS and over[1:] and signature.may_cover(*over):
                groups[-1].append(signature)
            elif signature.kind in (DIRECT_KEY, KEY_REVOCATION) and signature.may_cover(over[0]):
                groups[0].append(signature)
    direct = [each for each in groups[0] if each.kind == DIRECT_KEY]
    return Key(piece[0], fingerprint, (tuple(direct), *map(tuple, groups[1:])), len(direct) < len(groups[0]))


def _subkey(primary: Key, piece: Sequence[Packet]) -> Key:
    covered = _framed(primary.packet, b"\x99", 2), _framed(piece[0], b"\x99", 2)
    own = [each for each in _by(primary.names, piece[1:]) if each.may_cover(*covered)]
    bindings = tuple(each for each in own if each.kind == SUBKEY_BINDING)
    revoked = any(each.kind == SUBKEY_REVOCATION for each in own)
    return Key(piece[0], packets.fingerprint(piece[0]) or "", (bindings,), revoked)


def _names(fingerprint: str) -> frozenset[str]:
    return frozenset((fingerprint, packets.key_id(fingerprint)))


def _framed(packet: Packet, mark: bytes, width: int) -> bytes:
    """A packet as it goes into a digest (RFC 9580 section 5.2.4)."""
    return mark + len(packet.body).to_bytes(width, "big") + packet.body


def _by(names: frozenset[str], piece: Iterable[Packet]) -> list[Signature]:
    own = read_signatures([each for each in piece if packets.is_by(names, each)])
    return [each for each in own if each.known_by]


def _newest(signatures: Iterable[Signature], moment: int) -> Signature | None:
    """What the owner has said last, as of a moment, in a way that cannot be forged."""
    standing = (each for each in signatures if each.digest_algorithm not in WEAK_DIGESTS and _is_alive(each, moment))
    return max(standing, key=lambda each: each.created_at, default=None)


def _is_alive(signature: Signature, moment: int) -> bool:
    return signature.created_at <= moment and (signature.expires_at is None or moment < signature.expires_at)


def _against(key: Key, moment: int) -> Verification | None:
    if key.revoked:
        return Verification(Finding.REVOKED_KEY, detail="the key was revoked")
    if key.algorithm in _SIZED and (bits := int.from_bytes(key.packet.body[6:8], "big")) < _FEWEST_BITS:
        return Verification(Finding.WEAK_KEY, detail=f"{_SIZED[key.algorithm]} with {bits} bits, fewer than {_FEWEST_BITS}")
    if key.created_at > moment:
        return Verification(Finding.ALTERED, detail="the key is newer than the signature, or the clock is wrong")
    bindings = key.bindings(moment)
    if not bindings:
        return _unbound(each for group in key.said for each in group)
    if any(seconds and key.created_at + seconds <= moment for seconds in (each.seconds(KEY_EXPIRES) for each in bindings)):
        return Verification(Finding.EXPIRED_KEY, detail="the key has expired")
    return None


def _unbound(signatures: Iterable[Signature]) -> Verification:
    weak = [WEAK_DIGESTS[each.digest_algorithm] for each in signatures if each.digest_algorithm in WEAK_DIGESTS]
    if weak:
        return Verification(Finding.WEAK_KEY, detail=f"{weak[0]}, in the key's own signature")
    return Verification(Finding.ALTERED, detail="the key was not bound to its certificate when it signed")


def _may_not_sign(key: Key, moment: int) -> Verification | None:
    """The key must be for signing (section 5.2.3.29), and a subkey must have signed its primary key in turn.

    Without such a back signature it may be another's, adopted (section 5.2.1.8).
    """
    bindings = key.bindings(moment)
    flags = [each.key_flags for each in bindings if each.key_flags is not None]
    if not flags or not all(each[:1] and each[0] & _FOR_SIGNING for each in flags):
        return Verification(Finding.ALTERED, detail="the key is not for signing")
    back = [each for binding in bindings for each in binding.embedded if each.kind == BACK_SIGNATURE]
    return None if key.packet.kind == packets.PRIMARY_KEY or _newest(back, moment) else _unbound(back)
